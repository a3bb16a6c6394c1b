"""Tests of deployments/senders: allowed addresses, and the meaning of responses."""
