"""The portal's URL as people write it, and what is wrong with a connection, with what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx


def portal_url(text: str) -> str:
    """Return a URL with its scheme and without a slash at its end. Raise ValueError if it is none."""
    url = text.strip().rstrip("/")
    if "://" not in url:
        url = f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or " " in url:
        raise ValueError(f"{text} is not a URL. Write it as https://sanso.example.com.")
    parts.port  # noqa: B018  # raises ValueError as well
    return url


def is_private(url: str) -> bool:
    """Return whether nobody else can read what is sent: it is encrypted, or stays on this computer."""
    parts = urlsplit(url)
    try:
        return parts.scheme == "https" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def problem_with(url: str, exc: Exception) -> tuple[str, bool]:
    """Return what is wrong with the connection to a portal, and whether another attempt may succeed."""
    host = urlsplit(url).hostname
    for one in _causes(exc):
        if isinstance(one, ssl.SSLCertVerificationError):
            reason = one.verify_message.rstrip(".")
            return (
                f"The certificate of {host} is not trusted: {reason}. Check the URL; if the certificate is "
                "from a CA of your own, set SSL_CERT_FILE to the CA's file."
            ), False
        if isinstance(one, ssl.SSLError):
            return f"{url} does not answer in HTTPS ({one.reason}). Check the URL and its port.", False
        if isinstance(one, socket.gaierror):
            return f"The name {host} cannot be resolved. Check the URL and your network.", False
    if isinstance(exc, httpx.TimeoutException):
        return f"{url} did not respond in time. Check your network, or try again later.", True
    if isinstance(exc, httpx.ConnectError):
        return f"No connection to {url} ({exc}). Check the URL, and that the portal is running.", True
    return f"The connection to {url} was lost ({str(exc) or type(exc).__name__}). Try again.", True


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
