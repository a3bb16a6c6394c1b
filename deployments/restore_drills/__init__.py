"""Restore drills: a database is restored beside itself, checked, timed and deleted again."""
