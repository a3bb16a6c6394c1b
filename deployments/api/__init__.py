"""The HTTP API: what pages can do, for programs, through the same actions and with the same rights."""
