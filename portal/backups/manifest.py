"""The manifest of a backup: its content and its origin. It is signed with SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """The description of a backup.

    `rows` are the numbers of rows by table, `files` the SHA-256 of each file, `key` the fingerprint of
    SECRET_KEY.
    """

    format: int
    version: str
    created_at: str
    engine: str
    migrations: list[str]
    rows: Mapping[str, int]
    files: Mapping[str, str]
    key: str

    def as_text(self) -> str:
        """Return the manifest in its stored form."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)


def read(text: str) -> BackupManifest:
    """Return a stored manifest. Raise BackupError if it is invalid, or of a newer format."""
    try:
        found: dict[str, Any] = json.loads(text)
        if found["format"] > FORMAT:
            raise BackupError(
                "The backup was made by a newer version of Sanso; restore it with that version."
            )
        return BackupManifest(**found)
    except (ValueError, KeyError, TypeError) as exc:
        raise BackupError("The file is not a backup of Sanso, or it was changed.") from exc


def fingerprint(secret_key: str) -> str:
    """Return a digest that identifies a key and does not reveal it."""
    return hmac.new(secret_key.encode(), b"sanso backup: key", hashlib.sha256).hexdigest()[:32]


def signature(text: str, secret_key: str) -> str:
    """Return the signature of a stored manifest."""
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


class BackupError(Exception):
    """Raised when a backup cannot be written or restored. The message is a sentence for the operator."""
