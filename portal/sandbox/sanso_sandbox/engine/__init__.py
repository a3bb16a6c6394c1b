"""MiniStack with the sandbox's extensions: its contract, CloudFormation, the time scale, faults."""
