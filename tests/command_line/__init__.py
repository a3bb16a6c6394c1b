"""The command line, in this process: its calls go to the portal's code without a network."""
