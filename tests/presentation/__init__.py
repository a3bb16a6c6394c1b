"""Tests of deployments/presentation: the view models of pages."""
