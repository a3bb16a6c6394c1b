"""What its commands and steps have in common."""
