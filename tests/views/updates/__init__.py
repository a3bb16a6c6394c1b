"""Pages about the version of an environment and its updates."""
