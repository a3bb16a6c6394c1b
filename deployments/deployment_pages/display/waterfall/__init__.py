"""A row of the waterfall: its bars, and the servers whose configuration failed."""
