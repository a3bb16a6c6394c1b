"""Canceling of deployments, with AWS in memory."""
