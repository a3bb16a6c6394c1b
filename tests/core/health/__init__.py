"""Tests of deployments/core/health."""
