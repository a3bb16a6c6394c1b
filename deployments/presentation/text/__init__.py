"""Texts: the portal's own sentences, times, screen-reader announcements, and servers' output."""
