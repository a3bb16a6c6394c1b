"""Tests of deployments/presentation/diagrams."""
