"""The upgrade from the release before: a database that a real run of it wrote.

The constants here are of the fixture alone and protect nothing: no installation uses them.
"""

SECRET_KEY = "fixture-only: the key that the values in the fixture are sealed with"
PASSWORD = "fixture-only-password"
"""The password of every user."""
GUEST_PASSWORD = "fixture-only-guest-password"
"""The NoEcho parameter of every environment of the small set."""
