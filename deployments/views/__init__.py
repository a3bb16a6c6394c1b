"""Request handlers: short functions that read, or call an action, and return a response."""
