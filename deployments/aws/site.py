"""Asking an environment's site: one write and one read through its load balancer, and nowhere else.

What is connected to is decided by the load balancer's own DNS name, as Elastic Load Balancing tells it for
an ARN of the environment's stack, never by an output or a parameter, which people can fill in. The name must
be of the form that AWS gives; every address it leads to must be one that a load balancer can have
(`site_address`); the connection goes to an address that was checked, so that a second look-up cannot change
it. Redirects are not followed. Paths and methods are ours, and nothing secret is sent.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from deployments.aws.site_address import Resolve, Site, SiteProblem, checked_address, system_resolve
from deployments.core.redaction import Redactor
from deployments.errors import Message
from deployments.message_codes import Code

CONNECT_SECONDS = 3.0
RESPONSE_SECONDS = 6.0
"""For one request, from the first byte sent to the last one read."""
SEEN_SECONDS = 3.0
"""For the saved time to show in the list: what a reader may lag."""
LOOK_AGAIN = 0.25
MAX_BYTES = 64 * 1024
HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
SAVED = re.compile(r"Saved: (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCheckResult:
    """What the site answered. A status is 0 for what was not answered; `problem` is None when all went well.

    `milliseconds` is from the look-up of the name to the end, `saved` the time that the site says it saved.
    """

    wrote: bool = False
    read: bool = False
    write_status: int = 0
    read_status: int = 0
    milliseconds: int = 0
    write_milliseconds: int = 0
    read_milliseconds: int = 0
    address: str = ""
    saved: str = ""
    problem: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    path: str
    status: int
    location: str
    body: str
    redact: Redactor


def check_site(site: Site, resolve: Resolve = system_resolve) -> SiteCheckResult:
    """Let the site save a time, and look whether its list shows it. Takes 25 s at the most."""
    started = time.monotonic()
    found: dict[str, Any] = {}
    try:
        place = checked_address(site, resolve)
        found["address"] = place[0]
        _write(site, place, found)
        _read(site, place, found)
    except SiteProblem as problem:
        found["problem"] = problem.message(site.redact)
    return SiteCheckResult(milliseconds=_since(started), **found)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _write(site: Site, place: tuple[str, int], found: dict[str, Any]) -> None:
    started = time.monotonic()
    try:
        reply = _request(site, place, "POST", "/write")
        found["write_status"] = reply.status
        _require_ok(reply)
        saved = SAVED.search(reply.body)
        if saved is None:
            raise _not_datelog(reply)
        found |= {"wrote": True, "saved": saved["time"]}
    finally:
        found["write_milliseconds"] = _since(started)


def _read(site: Site, place: tuple[str, int], found: dict[str, Any]) -> None:
    """Look for the saved time from its own place in the list on, until it is there or the time is over."""
    started = time.monotonic()
    path = f"/read?limit=50&after={found['saved'].replace(' ', 'T')}~0"
    try:
        while found["saved"] not in _times_at(site, place, path, found):
            if time.monotonic() - started > SEEN_SECONDS:
                raise SiteProblem(
                    Code.SITE_SAVED_NOT_LISTED,
                    seconds=f"{SEEN_SECONDS:g}",
                )
            time.sleep(LOOK_AGAIN)
        found["read"] = True
    finally:
        found["read_milliseconds"] = _since(started)


def _times_at(site: Site, place: tuple[str, int], path: str, found: dict[str, Any]) -> list[str]:
    reply = _request(site, place, "GET", path)
    found["read_status"] = reply.status
    _require_ok(reply)
    try:
        times = json.loads(reply.body)
    except (ValueError, RecursionError):
        times = None
    if not isinstance(times, list):
        raise _not_datelog(reply)
    return [one for one in times if isinstance(one, str)]


def _require_ok(reply: _Reply) -> None:
    if 300 <= reply.status < 400:
        raise SiteProblem(
            Code.SITE_REDIRECTED,
            path=reply.path,
            location=reply.location or "–",
        )
    if reply.status != 200:
        raise SiteProblem(
            Code.SITE_ERROR_STATUS,
            path=reply.path,
            status=reply.status,
            text=_plain(reply),
        )


def _not_datelog(reply: _Reply) -> SiteProblem:
    return SiteProblem(Code.SITE_UNEXPECTED_RESPONSE, path=reply.path, text=_plain(reply))


def _plain(reply: _Reply) -> str:
    """Return the text of an answer, maybe an error page, in one line and without secret values."""
    return " ".join(re.sub(r"<[^<>]*>", " ", reply.redact(reply.body)).split()) or "–"


def _request(site: Site, place: tuple[str, int], method: str, path: str) -> _Reply:
    """Make one request over a connection of its own, and read the start of its body."""
    named = site.host_name.lower()
    host = named if HOST.fullmatch(named) else site.dns_name.lower()
    shown = path.partition("?")[0]
    headers = {"Host": host, "User-Agent": "sanso", "Connection": "close", "Content-Length": "0"}
    with _connected(site, place, host) as sock, _limited(sock):
        connection = http.client.HTTPConnection(*place)
        connection.sock = sock
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read(MAX_BYTES).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise SiteProblem(
                Code.SITE_NO_RESPONSE, path=shown, error=str(exc) or type(exc).__name__
            ) from exc
    location = answer.getheader("Location") or ""
    return _Reply(path=shown, status=answer.status, location=location, body=body, redact=site.redact)


@contextmanager
def _connected(site: Site, place: tuple[str, int], host: str) -> Iterator[socket.socket]:
    """Connect to the checked address.

    A certificate is not verified: it may be for another name or from a private authority, nothing secret is
    sent, and whether browsers trust it is not what is asked.
    """
    try:
        sock = socket.create_connection(place, timeout=CONNECT_SECONDS)
        if site.secure:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock, server_hostname=host)
    except OSError as exc:
        raise SiteProblem(
            Code.SITE_CONNECTION_FAILED,
            port=place[1],
            error=str(exc) or type(exc).__name__,
        ) from exc
    with sock:
        yield sock


@contextmanager
def _limited(sock: socket.socket) -> Iterator[None]:
    """Shut the connection down when the time is over, however slowly an answer trickles in."""

    def end() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    sock.settimeout(RESPONSE_SECONDS)
    timer = threading.Timer(RESPONSE_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
