"""The backends of the sandbox's records: machines, load balancers, databases and processes of functions."""
