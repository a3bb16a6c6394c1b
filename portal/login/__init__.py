"""Logging in and changing one's password: forms, pages, and the limits for those who guess."""
