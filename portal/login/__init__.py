"""Logging in: form, page, and the limits for those who guess."""
