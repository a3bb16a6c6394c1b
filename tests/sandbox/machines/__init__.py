"""The sandbox whose instances are processes behind load balancers that balance."""
