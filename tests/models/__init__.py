"""Tests of deployments/models."""
