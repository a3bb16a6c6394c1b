"""MiniStack, started and extended: the names of it that are used, CloudFormation, the time scale, faults."""
