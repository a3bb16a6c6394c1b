"""Restore drills in the API."""
