"""One POST of a webhook: to a checked address, over verified TLS, without redirects, in limited time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from deployments.common.addresses import connect, without_address
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.notifications.rules.topics import Reception, reception, retry_after_seconds
from deployments.notifications.senders.outcome import Outcome

TIMEOUT = 10.0
"""Seconds without any byte."""
LIMIT = 20.0
"""Seconds for the entire attempt, even if bytes arrive occasionally. Shorter than the lease of a row."""
MAX_URL = 1000
_REFUSED = {
    Code.SOURCE_ADDRESS_NOT_ALLOWED: Code.NOTIFY_ADDRESS_NOT_ALLOWED,
    Code.SOURCE_HTTP_NOT_ALLOWED: Code.NOTIFY_HTTP_NOT_ALLOWED,
}
"""The codes of the same refusals with texts that name the setting that allows the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookUrl:
    """The parts of a webhook's address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def hint(self) -> str:
        """Return the displayed part: without the path, which may contain a token."""
        standard = 443 if self.scheme == "https" else 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == standard else f":{self.port}")


def read_url(text: str) -> WebhookUrl:
    """Return the parts of an address. Raise UserFixable if it is not an http or https address with a host."""
    problem = UserFixable("UrlInvalid", Code.NOTIFY_URL_INVALID, "address")
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise problem
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise problem
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (443 if parts.scheme == "https" else 80),
        path=path,
    )


def post(
    url: WebhookUrl,
    body: bytes,
    headers: Mapping[str, str],
    networks: tuple[str, ...],
    limit: float = LIMIT,
) -> Outcome:
    """Send one webhook, and return the meaning of the response's status; its body is not read.

    `networks` are those whose addresses are allowed although they are not public. Errors of the receiver are
    not raised.
    """
    sockets: list[socket.socket] = []
    sent = {"Content-Type": "application/json", "User-Agent": "Sanso", "Connection": "close", **headers}
    with _cut_after(limit, sockets) as is_over:
        try:
            with closing(_connection(url, networks, sockets)) as connection:
                connection.request("POST", url.path, body=body, headers=sent, preload_content=False)
                response = connection.getresponse()
                if is_over.is_set():  # the headers were cut off, not complete
                    return Outcome(reception=Reception.AGAIN, problem=_timed_out(url, limit))
                return _outcome(url, response.status, response.headers.get("Retry-After", ""))
        except UserFixable as refused:
            message = without_address(refused.message)
            code = _REFUSED.get(message.code, message.code)
            return Outcome(reception=Reception.AGAIN, problem=Message(code, message.params))
        except (HTTPError, OSError) as exc:
            return Outcome(
                reception=Reception.AGAIN,
                problem=_timed_out(url, limit) if is_over.is_set() else _failed(url, exc),
            )


def _connection(url: WebhookUrl, networks: tuple[str, ...], sockets: list[socket.socket]) -> HTTPConnection:
    def to_checked(*, is_plain: bool) -> socket.socket:
        connected = connect(url.host, url.port, networks, is_plain=is_plain)
        connected.settimeout(TIMEOUT)
        sockets.append(connected.dup())  # TLS takes over the first one
        return connected

    class CheckedConnection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return to_checked(is_plain=True)

    class CheckedTlsConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return to_checked(is_plain=False)

    if url.scheme == "http":
        return CheckedConnection(url.host, url.port, timeout=TIMEOUT)
    return CheckedTlsConnection(url.host, url.port, timeout=TIMEOUT, ssl_context=ssl.create_default_context())


@contextmanager
def _cut_after(seconds: float, sockets: list[socket.socket]) -> Iterator[threading.Event]:
    """Shut the connection down at the time limit, which ends every read and write on it."""
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        for one in sockets:
            one.close()


def _outcome(url: WebhookUrl, status: int, retry_after: str) -> Outcome:
    found = reception(status)
    if found is Reception.SENT:
        return Outcome(reception=found, status=status)
    code = Code.NOTIFY_GONE if found is Reception.GONE else Code.NOTIFY_STATUS
    return Outcome(
        reception=found,
        status=status,
        problem=Message(code, {"host": url.host, "status": str(status)}),
        retry_after=retry_after_seconds(retry_after, datetime.now(UTC)),
    )


def _timed_out(url: WebhookUrl, seconds: float) -> Message:
    return Message(Code.NOTIFY_TIMED_OUT, {"host": url.host, "seconds": f"{seconds:g}"})


def _failed(url: WebhookUrl, exc: Exception) -> Message:
    if isinstance(exc, TimeoutError):
        return _timed_out(url, TIMEOUT)
    if isinstance(exc, ssl.SSLError):
        why = getattr(exc, "verify_message", "") or exc.reason or type(exc).__name__
        return Message(Code.SOURCE_TLS_FAILED, {"host": url.host, "why": str(why)})
    why = getattr(exc, "strerror", None) or type(exc).__name__
    return Message(Code.SOURCE_UNREACHABLE, {"host": url.host, "why": str(why)})
