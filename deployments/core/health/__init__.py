"""Compute the health of an environment from plain values: a status and its reason."""
