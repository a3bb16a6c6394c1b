"""By what and from where something is requested: set at the edge, read where the audit record is written.

The person is not here: actions are passed their user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

SESSION, TOKEN, COMMAND = "session", "token", "command"
SCHEDULE, WEBHOOK = "schedule", "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """By what something is requested. `id` tells sessions and tokens apart, and is no secret."""

    by: str = ""
    id: str = ""
    address: str = ""
    request_id: str = ""
    person: Any = field(default=None, compare=False)
    """The user of a web request, for what is recorded at a signal; read from the database when it is used."""


_current: ContextVar[Acting] = ContextVar("acting", default=Acting())  # noqa: B039  (it is frozen)


def current() -> Acting:
    """Return by what this thread, or task, requests something."""
    return _current.get()


@contextmanager
def acting_as(
    *,
    by: str,
    id: str = "",  # noqa: A002  (the name in the record)
    address: str | None = None,
    request_id: str | None = None,
    person: Any = None,
) -> Iterator[Acting]:
    """Record what the body requests as requested by this. What is not given stays as it was before."""
    acting = replace(current(), by=by, id=id)
    if address is not None:
        acting = replace(acting, address=address)
    if request_id is not None:
        acting = replace(acting, request_id=request_id)
    if person is not None:
        acting = replace(acting, person=person)
    token = _current.set(acting)
    try:
        yield acting
    finally:
        _current.reset(token)


def session_id(key: str | None) -> str:
    """Return a name of the session with this key that is no secret: a part of a digest."""
    return hashlib.sha256(f"audit {key}".encode()).hexdigest()[:16] if key else ""
