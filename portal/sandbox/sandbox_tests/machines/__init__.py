"""Addresses of machines, and how they stop listening."""
