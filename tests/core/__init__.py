"""Tests of deployments.core."""
