"""Load balancers that listen: HAProxy, and the stand-in where there is none."""
