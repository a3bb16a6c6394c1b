"""A small load balancer in this process, for where HAProxy is not installed."""
