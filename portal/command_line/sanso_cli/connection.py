"""URL and token as people write them, and what is wrong with a connection, with what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from sanso_cli.texts import _

CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""TLS connections that the other side closed, as proxies do while the portal restarts."""

OF_ANOTHER_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""
OUT_OF_DATE = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""


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


def is_refused(exc: Exception) -> bool:
    """Return whether nothing listens at the port."""
    return any(isinstance(one, ConnectionRefusedError) for one in _causes(exc))


def problem_with(url: str, exc: Exception) -> tuple[str, bool]:
    """Return what is wrong with the connection to a portal, and whether another attempt may succeed."""
    values = {"url": url, "host": urlsplit(url).hostname or "", "reason": str(exc) or type(exc).__name__}
    for one in _causes(exc):
        if isinstance(one, ssl.SSLCertVerificationError):
            reason = one.verify_message.rstrip(".")
            return _of_certificate(one.verify_code) % (values | {"reason": reason}), False
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


def _of_certificate(code: int) -> str:
    """Return what is wrong with a certificate that failed with an X509_V_ERR_… of OpenSSL."""
    if code in OF_ANOTHER_NAME:
        return _(
            "The certificate at %(host)s is for another name. Check the URL: write the host name that is "
            "in the certificate."
        )
    if code in OUT_OF_DATE:
        return _(
            "The certificate of %(host)s is not valid at this time: %(reason)s. Check this computer's "
            "clock; if it is right, the administrators have to renew the certificate."
        )
    return _(
        "The certificate of %(host)s is not trusted: %(reason)s. Check the URL; if the "
        "certificate is from a CA of your own, set SSL_CERT_FILE to the CA's file."
    )


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
