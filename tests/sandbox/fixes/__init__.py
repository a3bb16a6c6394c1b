"""The list of MiniStack's faults in docs/sandbox.md."""
