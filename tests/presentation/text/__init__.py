"""Tests of deployments/presentation/text."""
