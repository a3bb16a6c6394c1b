"""Calls of the API: errors as the portal words them, pages of lists, and streams that reconnect."""

from __future__ import annotations

import json
import math
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from sanso_cli.connection import is_refused, is_token, problem_with
from sanso_cli.output import err
from sanso_cli.texts import LANGUAGE, _

TIMEOUT = httpx.Timeout(30.0, read=60.0)
RETRIES = 5
"""How often a call that had no response is repeated; requests carry a key, and take effect once."""
RETRIES_AT_FIRST = 2
"""How often the first call is repeated where nothing listens: the URL is more likely wrong than the portal
restarting."""
WHAT_TO_DO = {
    401: _("The token has expired or was revoked. Run sanso login, or set SANSO_TOKEN to another one."),
    403: _("sanso whoami lists your rights and the token's scopes. A login can give the token further ones."),
    404: _("Check the name or the number. What you may not view is not found either."),
}
"""By the status of a refusal."""
TOO_MANY = 429
BUSY = (TOO_MANY, 502, 503, 504)
"""Statuses after which a call is repeated."""
REFUSED = (401, 403, 404)
"""Statuses of the portal's errors after which a stream is not opened again."""
MOST = 200
"""Maximum number of rows that the API returns in a page of a list."""
RECONNECT_FOR = 600.0
"""Seconds for which a lost stream is opened again."""


@dataclass
class ApiError(Exception):
    """An error of the API (problem+json), or of the connection (`status` 0)."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    reference: str = ""

    def __str__(self) -> str:
        lines = [f"{self.detail} ({self.code})" if self.code else self.detail]
        lines += [f"  {one['field']}: {one['detail']}" for one in self.errors]
        return "\n".join(filter(None, [*lines, self._what_to_do()]))

    def _what_to_do(self) -> str:
        if self.reference:
            return _("Give the administrators this reference: %(reference)s.") % {"reference": self.reference}
        if self.code == "EnvironmentBusy":
            return _("sanso wait NAME waits until the deployment in progress has ended.")
        return WHAT_TO_DO.get(self.status, "")


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message of a stream."""

    event: str
    data: dict[str, Any]


class PortalClient:
    """A portal, called with a token."""

    def __init__(self, url: str, token: str, language: str = LANGUAGE) -> None:
        """Raise ApiError if the token cannot be one: the error of a header with it would print it."""
        if not is_token(token):
            raise ApiError(0, "", _("This is not a token. Run sanso login, or set SANSO_TOKEN."))
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self.url, self.retries, self.has_responded = url, RETRIES, False
        self.notify: Callable[[str, str], None] = partial(err.print, markup=False)
        try:
            self.http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=TIMEOUT)
        except OSError as exc:  # the certificates of SSL_CERT_FILE, also as ssl.SSLError
            named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR", "")
            text = _("%(file)s cannot be read: %(error)s. Set SSL_CERT_FILE to a file of certificates.")
            raise ApiError(0, "", text % {"file": named, "error": exc.strerror or exc}) from exc

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a resource. Raise ApiError."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path, **({"params": wanted} if wanted else {}))  # {} drops the path's query

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """Request something once, also if the call is repeated. Raise ApiError."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._call("POST", path, json=body or {}, headers=headers)

    def items(self, path: str, limit: int = 0, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page by page; at most `limit`, 0 for all."""
        left = limit or 2**31
        found = self.get(path, limit=min(left, MOST), **query)
        while True:
            yield from found["items"][:left]
            left -= len(found["items"])
            if left <= 0 or not found.get("next"):
                return
            found = self.get(found["next"].removeprefix("/api/v1"))

    def stream(self, path: str, after: int = 0) -> Iterator[StreamMessage]:
        """Yield the messages of a stream to its end, each event once, also if the connection is lost.

        A stream that was open is opened again after every error but a refusal by the portal. Raise ApiError
        if the portal refuses, or is away for ten minutes.
        """
        was_open, lost_at = False, None
        while True:
            try:
                with self._opened(path, after) as response:
                    was_open = True
                    for number, message in _messages(response, after):
                        lost_at, after = None, max(after, number)
                        yield message
                        if message.event in ("end", "access"):
                            return
            except (httpx.HTTPError, ApiError, _Away) as exc:
                error, may_succeed = self._loss(exc)
                may_succeed = may_succeed or (was_open and error.status not in REFUSED)
                now = time.monotonic()
                if lost_at is None and may_succeed:
                    self.notify(error.detail, _("Retrying …"))
                lost_at = now if lost_at is None else lost_at
                if not may_succeed or now - lost_at > RECONNECT_FOR:
                    raise error from None
            time.sleep(1.0)

    def _loss(self, exc: Exception) -> tuple[ApiError, bool]:
        """Return the error of a stream, and whether one that was never open may open after it."""
        if isinstance(exc, ApiError):
            return exc, False
        text, may_succeed = problem_with(self.url, exc)
        return ApiError(0, "", text), may_succeed

    @contextmanager
    def _opened(self, path: str, after: int) -> Iterator[httpx.Response]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self.http.stream("GET", path, headers=headers) as response:
            if response.status_code in BUSY:
                raise _Away(f"status {response.status_code}")
            if not response.is_success:
                response.read()
                raise self._problem(response)
            yield response

    def _call(self, method: str, path: str, **values: Any) -> Any:
        for attempt in range(self.retries + 1):
            try:
                response = self.http.request(method, path, **values)
            except httpx.HTTPError as exc:
                text, may_succeed = problem_with(self.url, exc)
                if attempt >= self._retries_after(exc) or not may_succeed:
                    raise ApiError(0, "", text) from exc
                if not attempt:
                    self.notify(text, _("Retrying …"))
                time.sleep(min(2.0**attempt, 8.0))
                continue
            self.has_responded = True
            if response.status_code in BUSY and attempt < self.retries:
                seconds = min(float(response.headers.get("Retry-After", 1) or 1), 30.0)
                if not attempt:
                    self._report_wait(response.status_code, seconds)
                time.sleep(seconds)
                continue
            if not response.is_success:
                raise self._problem(response)
            return self._json(response)
        raise AssertionError("unreachable")

    def _retries_after(self, exc: httpx.HTTPError) -> int:
        """Return how often a call without a response is repeated."""
        nobody_listens = is_refused(exc) and not self.has_responded
        return min(self.retries, RETRIES_AT_FIRST) if nobody_listens else self.retries

    def _report_wait(self, status: int, seconds: float) -> None:
        if status == TOO_MANY:
            text = _("Too many requests. Waiting %(seconds)d s …") % {"seconds": math.ceil(seconds)}
            self.notify(text, "")
        else:
            text = _("%(url)s is not available now (status %(status)d).")
            self.notify(text % {"url": self.url, "status": status}, _("Retrying …"))

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json() if response.content else None
        except ValueError:
            raise self._not_a_portal(response) from None

    def _problem(self, response: httpx.Response) -> ApiError:
        """Return the error of a response: a problem of the API, or of what is at the URL instead."""
        status = response.status_code
        if response.is_redirect:
            target = response.headers.get("Location", "").partition("/api/v1")[0]
            text = _("%(url)s redirects to %(target)s. Run sanso login --url %(target)s.")
            return ApiError(0, "", text % {"url": self.url, "target": target})
        try:
            found = response.json()
            reference = found.get("values", {}).get("reference", "")
            return ApiError(status, found["code"], found["detail"], found.get("errors", []), reference)
        except (ValueError, KeyError, TypeError, AttributeError):
            if status in BUSY:
                text = _("%(url)s is not available now (status %(status)d). Try again later.")
                return ApiError(0, "", text % {"url": self.url, "status": status})
            return self._not_a_portal(response)

    def _not_a_portal(self, response: httpx.Response) -> ApiError:
        text = _("%(url)s does not answer as Sanso's API (status %(status)d). Check the URL.")
        return ApiError(0, "", text % {"url": self.url, "status": response.status_code})


class _Away(Exception):
    """Raised when the portal cannot serve a stream now."""


def _messages(response: httpx.Response, after: int) -> Iterator[tuple[int, StreamMessage]]:
    event, data, number = "message", "", after
    for line in response.iter_lines():
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isdecimal():
            number = int(value)
        elif name == "event":
            event = value
        elif name == "data":
            data += value
        elif not line and data:
            if event != "event" or number > after:
                yield number, StreamMessage(event, json.loads(data))
                after = max(after, number)
            event, data = "message", ""
