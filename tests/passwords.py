"""Fast hashes of test users' passwords."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own format with one iteration, so that separate web processes accept the password too."""

    iterations = 1


class WatchedHasher(QuickHasher):
    """A hasher whose hashes a test can record and delay.

    In the folder $WATCHED_HASHES, `log` gets a "+" when a hash begins and a "-" when it ends. While a file
    `hold` exists, hashes of the password in it wait.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        folder = Path(os.environ["WATCHED_HASHES"])
        with (folder / "log").open("ab", buffering=0) as log:
            log.write(b"+")  # each write is appended at once, so that those of threads do not mix
            try:
                while held(folder, password):
                    time.sleep(0.01)
                return super().encode(password, salt, iterations)
            finally:
                log.write(b"-")


def held(folder: Path, password: str) -> bool:
    """Return whether hashes of a password have to wait."""
    try:
        return (folder / "hold").read_text() == password
    except FileNotFoundError:
        return False
