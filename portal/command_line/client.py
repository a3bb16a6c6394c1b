"""Calls of the API: errors as the portal words them, pages of lists, and streams that reconnect."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(30.0, read=60.0)
RETRIES = 5
"""How often a call that had no response is repeated; requests carry a key, and take effect once."""
RECONNECT_FOR = 600.0
"""Seconds for which a lost stream is opened again."""


@dataclass
class ApiError(Exception):
    """An error of the API (problem+json), or of the connection (`status` 0)."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.detail} ({self.code})" if self.code else self.detail]
        lines += [f"  {one['field']}: {one['detail']}" for one in self.errors]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message of a stream."""

    event: str
    data: dict[str, Any]


class PortalClient:
    """A portal, called with a token."""

    def __init__(self, url: str, token: str, language: str = "en") -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self.http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a resource. Raise ApiError."""
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """Request something once, also if the call is repeated. Raise ApiError."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._call("POST", path, json=body or {}, headers=headers)

    def items(self, path: str, limit: int = 0, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page by page; at most `limit`, 0 for all."""
        left = limit or 2**31
        found = self.get(path, limit=min(left, 200), **query)
        while True:
            yield from found["items"][:left]
            left -= len(found["items"])
            if left <= 0 or not found.get("next"):
                return
            found = self.get(found["next"].removeprefix("/api/v1"))

    def stream(self, path: str, after: int = 0) -> Iterator[StreamMessage]:
        """Yield the messages of a stream to its end, each event once, also if the connection is lost.

        Raise ApiError if the portal refuses, or is away for ten minutes.
        """
        lost_at: float | None = None
        while True:
            try:
                for number, message in self._messages(path, after):
                    lost_at, after = None, max(after, number)
                    yield message
                    if message.event in ("end", "access"):
                        return
            except (httpx.HTTPError, _Away):
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > RECONNECT_FOR:
                    raise ApiError(0, "", "The portal does not respond.") from None
            time.sleep(1.0)

    def _messages(self, path: str, after: int) -> Iterator[tuple[int, StreamMessage]]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self.http.stream("GET", path, headers=headers) as response:
            if response.status_code in (429, 502, 503, 504):
                raise _Away
            if response.is_error:
                response.read()
                raise _problem(response)
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

    def _call(self, method: str, path: str, **values: Any) -> Any:
        for attempt in range(RETRIES + 1):
            try:
                response = self.http.request(method, path, **values)
            except httpx.HTTPError as exc:
                if attempt == RETRIES:
                    raise ApiError(0, "", f"The portal does not respond: {exc}") from exc
                time.sleep(min(2.0**attempt, 8.0))
                continue
            if response.status_code in (429, 503) and attempt < RETRIES:
                time.sleep(min(float(response.headers.get("Retry-After", 1) or 1), 30.0))
                continue
            if response.is_error:
                raise _problem(response)
            return response.json() if response.content else None
        raise AssertionError("unreachable")


class _Away(Exception):
    """Raised when the portal cannot serve a stream now."""


def _problem(response: httpx.Response) -> ApiError:
    try:
        found = response.json()
        return ApiError(response.status_code, found["code"], found["detail"], found.get("errors", []))
    except (ValueError, KeyError, TypeError):
        return ApiError(response.status_code, "", f"The portal answered {response.status_code}.")
