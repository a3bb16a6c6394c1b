"""The list of environments and the page of each, which bring together what all others know of it."""
