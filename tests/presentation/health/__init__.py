"""Tests of deployments/presentation/health."""
