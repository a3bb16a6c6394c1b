"""How and from where a request comes: set by middleware and commands, read where the audit record is written.

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
class RequestContext:
    """How something is requested. `id` distinguishes sessions and tokens, and is not a secret."""

    by: str = ""
    id: str = ""
    address: str = ""
    request_id: str = ""
    person: Any = field(default=None, compare=False)
    """The user of a web request, for what is recorded at a signal; read from the database when it is used."""


_current: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())  # noqa: B039  (it is frozen)


def current() -> RequestContext:
    """Return how this thread or task requests something."""
    return _current.get()


@contextmanager
def request_context(
    *,
    by: str,
    id: str = "",  # noqa: A002  (the name in the record)
    address: str | None = None,
    request_id: str | None = None,
    person: Any = None,
) -> Iterator[RequestContext]:
    """Record the requests of the body with these values. Values that are not given keep their previous
    ones."""
    context = replace(current(), by=by, id=id)
    if address is not None:
        context = replace(context, address=address)
    if request_id is not None:
        context = replace(context, request_id=request_id)
    if person is not None:
        context = replace(context, person=person)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def session_id(key: str | None) -> str:
    """Return a name of the session with this key that is not a secret: part of a digest."""
    return hashlib.sha256(f"audit {key}".encode()).hexdigest()[:16] if key else ""
