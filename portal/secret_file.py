"""A random secret in a file that only its owner can read. Every part of the portal may use it."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def read_or_create(path: Path, size: int = 32) -> str:
    """Return the secret in a file, created at the first use with `size` random bytes and mode 0600.

    Several processes may call this at once: the first one wins, the others read its secret.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(size))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        Path(fresh).unlink()
    return path.read_text().strip()


def given(text: str, path: str) -> str:
    """Return a secret from a setting: its text, or else the content of the file at a path."""
    return text or (Path(path).read_text().strip() if path else "")
