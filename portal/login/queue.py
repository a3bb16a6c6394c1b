"""Limit the concurrent checks of passwords: a hash occupies a core for a third of a second.

Without a limit, many logins at once slow down every page. The queue is before Django, where a waiting request
needs no thread and no database connection. Browsers in which a user has logged in before have a separate
queue, so that unknown ones cannot delay them.
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
"""Maximum number of waiting requests in a queue."""
MAX_WAIT = 5.0
"""Maximum wait of a request in seconds."""
RETRY_AFTER = 3
"""Seconds after which a rejected client may try again."""
MAX_BODY = 64 * 1024
"""Maximum size of a form in bytes. It is read before the queue, so that slow clients occupy no place."""

NAMES = ("login", "password_change", "account_reauthenticate", "invitation")
"""The routes whose forms contain a password."""

Scope = MutableMapping[str, Any]


class Line:
    """A number of places, and a bounded queue of requests that wait for one."""

    def __init__(self, places: int, waiting: int, max_wait: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._inside, self._limit, self._max_wait = 0, places + waiting, max_wait

    async def enter(self) -> bool:
        """Wait for a place. Return False if the queue is full or the wait too long."""
        if self._inside >= self._limit:
            return False
        self._inside += 1
        try:
            async with asyncio.timeout(self._max_wait):
                await self._free.acquire()
        except BaseException as exc:
            self._inside -= 1
            if isinstance(exc, TimeoutError):
                return False
            raise
        return True

    def leave(self) -> None:
        """Free the place."""
        self._inside -= 1
        self._free.release()


class LoginQueue:
    """An ASGI application around Django's: POSTs with a password wait in the queue, other requests pass."""

    def __init__(self, application: Any) -> None:
        places = settings.SANSO_LOGINS_AT_ONCE or max(1, _cores() // 2)
        self._application = application
        self._paths = {reverse(name) for name in NAMES}
        self._known, self._strangers = (Line(places, WAITING, MAX_WAIT) for _ in range(2))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Respond through Django, or with 503 if too many requests are waiting."""
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
    """Return a POST without its body; None for other requests, including those that Django cannot read."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    try:
        return ASGIRequest(dict(scope), BytesIO())
    except UnicodeDecodeError:  # Django responds with 400
        return None


async def _body(receive: Any) -> bytes | None:
    """Return the body, truncated if it is too long; None if the client has disconnected."""
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
    """Return a `receive` that returns the body once, and then the client's messages."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return messages.pop() if messages else await receive()

    return again


async def _answer(send: Any, request: HttpRequest, status: int) -> None:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'",
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
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
