"""Each fault of MiniStack, as MiniStack alone shows it, and the sandbox without it."""
