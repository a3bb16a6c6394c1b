"""Texts: the portal's own sentences, times, screen-reader announcements, and what servers printed."""
