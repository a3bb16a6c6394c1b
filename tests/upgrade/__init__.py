"""Tests of the upgrade from the previous release, with a database that this release wrote.

The passwords here protect nothing, because only the fixture uses them.
"""

SECRET_KEY = "fixture-only: the key that the values in the fixture are sealed with"
PASSWORD = "fixture-only-password"
"""The password of every user."""
GUEST_PASSWORD = "fixture-only-guest-password"
"""The NoEcho parameter of every environment of the small set."""
