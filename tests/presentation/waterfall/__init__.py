"""Tests of deployments/presentation/waterfall."""
