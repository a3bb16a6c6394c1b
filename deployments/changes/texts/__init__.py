"""The texts of changes, on pages and in notifications."""
