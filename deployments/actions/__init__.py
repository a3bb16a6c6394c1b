"""The requests of users: each is checked and written as a due row. Nothing is published here."""
