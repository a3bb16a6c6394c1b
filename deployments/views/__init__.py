"""Request handlers: short functions that read data or call an action, and return a response."""
