"""The health of an environment as people see it: words, picture, panels, history."""
