"""Tests of deployments/aws."""
