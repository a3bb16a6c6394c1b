"""The upgrade from the release before: a database that its own run wrote, and what becomes of it.

The constants here are of the fixture alone and protect nothing: no installation uses them.
"""

SECRET_KEY = "fixture-only: the key that the values in the fixture are sealed with"
PASSWORD = "fixture-only-password"
"""Of everybody who can log in."""
GUEST_PASSWORD = "fixture-only-guest-password"
"""What was typed into the NoEcho parameter of every environment of the small set."""
