"""Tests of a sandbox whose instances are processes behind working load balancers."""
