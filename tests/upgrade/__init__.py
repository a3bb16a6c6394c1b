"""The upgrade from the previous release: a database that a real run of that release wrote.

The passwords here protect nothing: only the fixture uses them.
"""

SECRET_KEY = "fixture-only: the key that the values in the fixture are sealed with"
PASSWORD = "fixture-only-password"
"""The password of every user."""
GUEST_PASSWORD = "fixture-only-guest-password"
"""The NoEcho parameter of every environment of the small set."""
