"""Backups: the database and the secret key in one archive, which can be restored to another data folder."""
