"""Complete flows in a real browser, against real processes."""
