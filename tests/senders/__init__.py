"""Notifications are sent: to which addresses, and what the answers mean."""
