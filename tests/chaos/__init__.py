"""Deployments in real processes while AWS, Redis, the database or a worker fails."""
