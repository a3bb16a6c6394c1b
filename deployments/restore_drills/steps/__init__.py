"""The worker's part of a drill, one step at a time."""
