"""API tokens: their format, their digest, and the rights of each scope."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from deployments.access.rules.roles import Right

PREFIX: Final = "sanso_"
"""Secret scanners recognize a token by this prefix."""
SHOWN: Final = len(PREFIX) + 6
"""Number of characters of a token stored in clear text, so that its owner can recognize it."""
READ, DEPLOY, CHANGE, RELEASE, DELETE, APPROVE, ADMIN = SCOPES = (
    *("read", "deploy", "change", "release", "delete", "approve", "admin"),
)
LIFETIMES: Final = (7, 30, 90, 365)
"""The lifetimes of tokens in days; every token expires."""
DEFAULT_LIFETIME: Final = 90
LAST_USE_EVERY: Final = timedelta(minutes=1)
"""The last use of a token is written at most this often."""

_SCOPES: Final = {
    Right.VIEW: READ,
    Right.VIEW_AUDIT: READ,
    Right.CREATE: DEPLOY,
    Right.CHANGE: CHANGE,
    Right.OPERATE: CHANGE,
    Right.LOCK: CHANGE,
    Right.RELEASE: RELEASE,
    Right.DELETE: DELETE,
    Right.DELETE_REMAINING: DELETE,
    Right.FORCE_DELETE: DELETE,
    Right.APPROVE: APPROVE,
}
"""The scopes of rights; all other rights belong to `admin`."""


def new_token() -> str:
    """Return a new token: its prefix and 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return the digest under which a token is stored.

    A plain hash is enough for 256 random bits, which nobody can guess. It is looked up in an index, whose
    timing reveals nothing about existing tokens.
    """
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def rights_of(scopes: Collection[str]) -> frozenset[str]:
    """Return the rights that scopes cover."""
    return frozenset(right for right in Right if _SCOPES.get(right, ADMIN) in scopes)


def in_order(scopes: Iterable[str]) -> list[str]:
    """Return the known scopes among these, each once, in the standard order."""
    given = set(scopes)
    return [scope for scope in SCOPES if scope in given]
