"""Tests of deployments/catalog."""
