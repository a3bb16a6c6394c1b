"""Tests of deployments.actions."""
