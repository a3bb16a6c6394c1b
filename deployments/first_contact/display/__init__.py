"""A run as its page and its report show it."""
