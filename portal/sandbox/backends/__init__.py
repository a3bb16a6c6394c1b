"""What stands behind the records: machines, load balancers, databases and the processes of functions."""
