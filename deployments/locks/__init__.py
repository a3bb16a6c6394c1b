"""When nothing may change: locks of environments, and freezes of accounts."""
