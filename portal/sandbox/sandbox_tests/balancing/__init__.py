"""Tests of listening load balancers: HAProxy, and the substitute on machines without HAProxy."""
