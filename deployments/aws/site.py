"""Requests through an environment's load balancer: the site check (a write and a read), and plain reads.

The address is resolved from the load balancer's DNS name, as Elastic Load Balancing returns it for an ARN of
the environment's stack, never from an output or a parameter, which users can set. The name must have AWS's
format, and every address that it resolves to must be possible for a load balancer (`site_address`). The
connection uses the checked address, so that a second look-up cannot change it. Redirects are not
followed. Paths and methods are constant, and nothing secret is sent.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from deployments.aws.site_address import Resolve, Site, SiteProblem, checked_address, system_resolve
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.redaction import Redactor

CONNECT_SECONDS = 3.0
RESPONSE_SECONDS = 6.0
"""Timeout of one request, from the first byte sent to the last one read."""
SEEN_SECONDS = 3.0
"""Time until the saved value must be in the list: the maximum lag of a reader."""
READ_INTERVAL = 0.25
READS = 4
"""Number of simultaneous reads: with two servers per tier, they miss a server once in eight times."""
READ_SECONDS = 4.0
"""Timeout of one of them. It is shorter than the web servers' own, which then return 504."""
READ_PATH = "/read?limit=1"
MAX_BYTES = 64 * 1024
HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
VERSION_HEADER = "X-Datelog-Version"
VERSION = re.compile(r"[0-9a-f]{16}", re.ASCII)
SAVED = re.compile(r"Saved: (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCheckResult:
    """The result of a site check. A status is 0 without a response; `problem` is None if the check succeeded.

    `milliseconds` is from the look-up of the name to the end, `saved` the time that the site reports as
    saved. `reached` is False if the load balancer accepted no connection.
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
    reached: bool = True
    problem: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteReadsResult:
    """The result of several reads. `milliseconds` has the duration of each that succeeded.

    `versions` has the version that each of these reported, "" if it reported none.

    `reached` is False if none could connect: then the result says nothing about the site. `problem` is why
    the first one failed.
    """

    total: int = READS
    milliseconds: tuple[float, ...] = ()
    versions: tuple[str, ...] = ()
    reached: bool = True
    problem: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    path: str
    status: int
    location: str
    version: str
    body: str
    redact: Redactor


@dataclass(frozen=True, slots=True)
class _Read:
    milliseconds: float
    version: str


def check_site(site: Site, resolve: Resolve = system_resolve) -> SiteCheckResult:
    """Write a time through the site, and check that its list contains it. It takes at most 25 s."""
    started = time.monotonic()
    found: dict[str, Any] = {}
    try:
        address = checked_address(site, resolve)
        found["address"] = address[0]
        _write(site, address, found)
        _read(site, address, found)
    except SiteProblem as problem:
        found["problem"] = problem.message(site.redact)
        found["reached"] = problem.code is not Code.SITE_CONNECTION_FAILED
    return SiteCheckResult(milliseconds=_since(started), **found)


def check_reads(site: Site, resolve: Resolve = system_resolve) -> SiteReadsResult:
    """Read through the site several times at once; nothing is written. It takes at most 10 s."""
    try:
        address = checked_address(site, resolve)
    except SiteProblem as problem:
        return SiteReadsResult(reached=False, problem=problem.message(site.redact))
    with ThreadPoolExecutor(READS, thread_name_prefix="site-read") as threads:
        found = list(threads.map(lambda _number: _timed_read(site, address), range(READS)))
    problems = [one for one in found if isinstance(one, SiteProblem)]
    good = [one for one in found if isinstance(one, _Read)]
    return SiteReadsResult(
        milliseconds=tuple(one.milliseconds for one in good),
        versions=tuple(one.version for one in good),
        reached=any(one.code is not Code.SITE_CONNECTION_FAILED for one in problems)
        or len(problems) < len(found),
        problem=problems[0].message(site.redact) if problems else None,
    )


def _timed_read(site: Site, address: tuple[str, int]) -> _Read | SiteProblem:
    """Return the duration and the reported version of a read, or why it failed."""
    started = time.monotonic()
    try:
        response = _request(site, address, "GET", READ_PATH, READ_SECONDS)
        _require_ok(response)
        if not response.body.startswith("["):  # the original application returns a long list, cut off here
            raise _not_datelog(response)
    except SiteProblem as problem:
        return problem
    return _Read((time.monotonic() - started) * 1000, response.version)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _write(site: Site, address: tuple[str, int], found: dict[str, Any]) -> None:
    started = time.monotonic()
    try:
        response = _request(site, address, "POST", "/write")
        found["write_status"] = response.status
        _require_ok(response)
        saved = SAVED.search(response.body)
        if saved is None:
            raise _not_datelog(response)
        found |= {"wrote": True, "saved": saved["time"]}
    finally:
        found["write_milliseconds"] = _since(started)


def _read(site: Site, address: tuple[str, int], found: dict[str, Any]) -> None:
    """Read the list from the saved time on until it contains it. Raise SiteProblem at the timeout."""
    started = time.monotonic()
    path = f"/read?limit=50&after={found['saved'].replace(' ', 'T')}~0"
    try:
        while found["saved"] not in _times_at(site, address, path, found):
            if time.monotonic() - started > SEEN_SECONDS:
                raise SiteProblem(
                    Code.SITE_SAVED_NOT_LISTED,
                    seconds=f"{SEEN_SECONDS:g}",
                )
            time.sleep(READ_INTERVAL)
        found["read"] = True
    finally:
        found["read_milliseconds"] = _since(started)


def _times_at(site: Site, address: tuple[str, int], path: str, found: dict[str, Any]) -> list[str]:
    response = _request(site, address, "GET", path)
    found["read_status"] = response.status
    _require_ok(response)
    try:
        times = json.loads(response.body)
    except (ValueError, RecursionError):
        times = None
    if not isinstance(times, list):
        raise _not_datelog(response)
    return [one for one in times if isinstance(one, str)]


def _require_ok(response: _Response) -> None:
    if 300 <= response.status < 400:
        raise SiteProblem(
            Code.SITE_REDIRECTED,
            path=response.path,
            location=response.location or "–",
        )
    if response.status != 200:
        raise SiteProblem(
            Code.SITE_ERROR_STATUS,
            path=response.path,
            status=response.status,
            text=_plain(response),
        )


def _not_datelog(response: _Response) -> SiteProblem:
    return SiteProblem(Code.SITE_UNEXPECTED_RESPONSE, path=response.path, text=_plain(response))


def _plain(response: _Response) -> str:
    """Return the text of a response (possibly an error page) in one line and without secret values."""
    return " ".join(re.sub(r"<[^<>]*>", " ", response.redact(response.body)).split()) or "–"


def _request(
    site: Site, address: tuple[str, int], method: str, path: str, seconds: float = RESPONSE_SECONDS
) -> _Response:
    """Make one request over its own connection, and read the start of its body."""
    named = site.host_name.lower()
    host = named if HOST.fullmatch(named) else site.dns_name.lower()
    shown = path.partition("?")[0]
    headers = {"Host": host, "User-Agent": "sanso", "Connection": "close", "Content-Length": "0"}
    with _connected(site, address, host) as sock, _limited(sock, seconds):
        connection = http.client.HTTPConnection(*address)
        connection.sock = sock
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            body = response.read(MAX_BYTES).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise SiteProblem(
                Code.SITE_NO_RESPONSE, path=shown, error=str(exc) or type(exc).__name__
            ) from exc
    version = VERSION.fullmatch(site.redact(response.getheader(VERSION_HEADER) or ""))
    return _Response(
        path=shown,
        status=response.status,
        location=response.getheader("Location") or "",
        version=version[0] if version else "",
        body=body,
        redact=site.redact,
    )


@contextmanager
def _connected(site: Site, address: tuple[str, int], host: str) -> Iterator[socket.socket]:
    """Connect to the checked address.

    The certificate is not verified: it may be for another name or from a private authority. Nothing secret is
    sent, and the check does not cover the certificate.
    """
    try:
        sock = socket.create_connection(address, timeout=CONNECT_SECONDS)
        if site.secure:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock, server_hostname=host)
    except OSError as exc:
        raise SiteProblem(
            Code.SITE_CONNECTION_FAILED,
            port=address[1],
            error=str(exc) or type(exc).__name__,
        ) from exc
    with sock:
        yield sock


@contextmanager
def _limited(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Shut down the connection at the timeout, also while a slow response is still arriving."""

    def end() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    sock.settimeout(seconds)
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
