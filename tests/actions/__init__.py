"""Tests of deployments/actions."""
