"""The page of an account's first contact."""
