"""Tests of deployments/runner."""
