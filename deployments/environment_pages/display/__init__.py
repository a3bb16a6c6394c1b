"""What the pages of environments and the API show of a failed change."""
