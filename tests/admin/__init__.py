"""The pages of Django's admin."""
