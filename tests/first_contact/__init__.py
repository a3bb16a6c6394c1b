"""Tests of deployments.first_contact."""
