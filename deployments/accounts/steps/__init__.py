"""The worker's part, one short step at a time."""
