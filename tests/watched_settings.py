"""The portal's settings for a web process whose password hashes a test records (`WatchedHasher`)."""

from __future__ import annotations

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.passwords.WatchedHasher"]
