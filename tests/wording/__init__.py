"""Tests of deployments/wording."""
