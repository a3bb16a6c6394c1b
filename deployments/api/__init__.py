"""The HTTP API: what pages can do, for programs, through the same commands and with the same rights."""
