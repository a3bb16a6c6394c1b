"""Deployments with real processes that fail: AWS, Redis, the database, workers."""
