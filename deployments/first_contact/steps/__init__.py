"""What the command does, one step after the other."""
