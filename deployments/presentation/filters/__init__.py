"""Filters of lists and logs: read from an address, and shown as links that change it."""
