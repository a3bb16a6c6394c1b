"""Lets few requests at once check a password: a hash takes a core for a third of a second.

Without a bound, logins under many names at once take the processor from every page. The queue stands before
Django, where a request that waits costs no thread and no database connection. Browsers in which somebody has
logged in before have a line of their own, so that strangers cannot keep them waiting.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import MutableMapping
from functools import lru_cache
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from portal.login import devices

WAITING = 100
"""How many requests wait in a line at the most."""
PATIENCE = 5.0
"""Seconds that a request waits at the most."""
RETRY_AFTER = 3
"""Seconds after which somebody who was sent away may try again."""
MAX_BODY = 64 * 1024
"""Bytes of a form at the most. It is read before the line, so that nobody holds a place by sending slowly."""

Scope = MutableMapping[str, Any]


class Line:
    """So many places, and a bounded line of requests that wait for one."""

    def __init__(self, places: int, waiting: int, patience: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._inside, self._most, self._patience = 0, places + waiting, patience

    async def enter(self) -> bool:
        """Wait for a place; return False when the line is full or the wait too long."""
        if self._inside >= self._most:
            return False
        self._inside += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except BaseException as exc:
            self._inside -= 1
            if isinstance(exc, TimeoutError):
                return False
            raise
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._inside -= 1
        self._free.release()


class LoginQueue:
    """An ASGI application around Django's: POSTs of a password stand in line, all else passes."""

    def __init__(self, application: Any) -> None:
        places = settings.SANSO_LOGINS_AT_ONCE or max(1, _cores() // 2)
        self._application = application
        self._paths = {reverse("login"), reverse("password_change")}
        self._known, self._strangers = (Line(places, WAITING, PATIENCE) for _ in range(2))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request: through Django, or with 503 when too many stand in line."""
        request = _posted(scope)
        if request is None or request.path_info not in self._paths:
            await self._application(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        line = self._known if devices.knows(request) else self._strangers
        if len(body) > MAX_BODY or not await line.enter():
            await _answer(send, request, 413 if len(body) > MAX_BODY else 503)
            return
        try:
            await self._application(scope, _replayed(body, receive), send)
        finally:
            line.leave()


def _posted(scope: Scope) -> ASGIRequest | None:
    """Return a POST without its body; None for everything else, also for what Django cannot read."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    try:
        return ASGIRequest(dict(scope), BytesIO())
    except UnicodeDecodeError:  # answered by Django with 400
        return None


async def _body(receive: Any) -> bytes | None:
    """Return the body, cut off soon after it is too long; None when the client went away meanwhile."""
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _replayed(body: bytes, receive: Any) -> Any:
    """Return a `receive` that gives the body once, and then what the client does."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return messages.pop() if messages else await receive()

    return again


async def _answer(send: Any, request: HttpRequest, status: int) -> None:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'",
    }
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    page = _page(status, translation.get_language_from_request(request))
    await send({"type": "http.response.body", "body": page})


@lru_cache(maxsize=16)
def _page(status: int, language: str) -> bytes:
    with translation.override(language):
        return render_to_string(f"{status}.html", {"LANGUAGE_CODE": language}).encode()


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
