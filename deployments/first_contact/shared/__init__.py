"""The log of a run, for its steps and for the archive."""
