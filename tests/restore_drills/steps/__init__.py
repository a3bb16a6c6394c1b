"""The steps of drills."""
