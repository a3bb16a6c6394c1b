"""The texts of its message codes."""
