"""Identities of what runs in the sandbox."""
