"""What its commands and steps have in common with those of other packages."""
