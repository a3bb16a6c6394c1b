"""URL and token as people write them, and what is wrong with a connection, with what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from portal.command_line.texts import _

CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""TLS connections that the other side closed, as proxies do while the portal restarts."""


def portal_url(text: str) -> str:
    """Return a URL with its scheme and without a slash at its end. Raise ValueError if it is none."""
    url = text.strip()
    url = (url if "://" in url else f"https://{url}").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or " " in url:
        raise ValueError(_("%(text)s is not a URL. Write it as https://sanso.example.com.") % {"text": text})
    parts.port  # noqa: B018  # raises ValueError as well
    return url


def is_token(text: str) -> bool:
    """Return whether a text can be a token, and so be sent in a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def is_private(url: str) -> bool:
    """Return whether nobody else can read what is sent: it is encrypted, or stays on this computer."""
    parts = urlsplit(url)
    try:
        return parts.scheme == "https" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def problem_with(url: str, exc: Exception) -> tuple[str, bool]:
    """Return what is wrong with the connection to a portal, and whether another attempt may succeed."""
    values = {"url": url, "host": urlsplit(url).hostname or "", "reason": str(exc) or type(exc).__name__}
    for one in _causes(exc):
        if isinstance(one, ssl.SSLCertVerificationError):
            text = _(
                "The certificate of %(host)s is not trusted: %(reason)s. Check the URL; if the "
                "certificate is from a CA of your own, set SSL_CERT_FILE to the CA's file."
            )
            return text % (values | {"reason": one.verify_message.rstrip(".")}), False
        if isinstance(one, ssl.SSLError) and not isinstance(one, CLOSED):
            text = _("%(url)s does not answer in HTTPS (%(reason)s). Check the URL and its port.")
            return text % (values | {"reason": str(getattr(one, "reason", None) or one)}), False
        if isinstance(one, socket.gaierror):
            text = _("The name %(host)s cannot be resolved. Check the URL and your network.")
            return text % values, one.errno == socket.EAI_AGAIN
    if isinstance(exc, httpx.TimeoutException):
        return _("%(url)s did not respond in time. Check your network, or try again later.") % values, True
    if isinstance(exc, httpx.ConnectError):
        text = _("No connection to %(url)s (%(reason)s). Check the URL, and that the portal is running.")
        return text % values, True
    return _("The connection to %(url)s was lost (%(reason)s). Try again.") % values, True


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
