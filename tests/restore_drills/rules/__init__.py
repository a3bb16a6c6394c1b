"""The decisions of restore drills."""
