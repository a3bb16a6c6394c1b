"""Tests of deployments/api."""
