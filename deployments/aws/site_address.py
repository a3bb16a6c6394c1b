"""The address of a site check: only an address that a load balancer can have."""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.public_addresses import embedded, is_public
from deployments.common.rules.redaction import NOTHING, Redactor

RESOLVE_SECONDS = 3.0
SHOWN = 200
"""Maximum length of the site's text in a message."""

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
_REGION = r"[a-z]{2}(?:-[a-z0-9]+)+"
AWS_NAME = re.compile(
    rf"(?P<internal>internal-)?[a-z0-9-]+\.(?:{_REGION}\.elb|elb\.{_REGION})\.amazonaws\.com(?:\.cn)?"
)
LOOPBACK_NAME = re.compile(r"(?P<host>127(?:\.\d{1,3}){3})(?::(?P<port>\d{1,5}))?", re.ASCII)

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The site to check. `dns_name` is the load balancer's; `host_name` is the site's own, if it has one.

    `loopback`: load balancers have loopback addresses in place of AWS's names.
    `redact` removes secret values from the responses: an error page may print anything.
    """

    dns_name: str
    secure: bool = False
    host_name: str = ""
    loopback: bool = False
    redact: Redactor = NOTHING


def site_of(dns_name: str, site_url: str, *, loopback: bool) -> Site:
    """Return the site at a load balancer, with the scheme and host name of the stack's output.

    The connection depends only on `dns_name`; the URL only determines the host name and whether to use TLS.
    """
    try:
        parts = urlsplit(site_url)
        secure, host_name = parts.scheme == "https", parts.hostname or ""
    except ValueError:
        secure, host_name = False, ""
    own = dns_name.lower().partition(":")[0]
    return Site(
        dns_name=dns_name,
        secure=secure,
        host_name="" if host_name == own else host_name,
        loopback=loopback,
    )


class SiteProblem(Exception):
    """Raised when a site check cannot be made or fails; `message` has the reason."""

    def __init__(self, code: Code, **params: object) -> None:
        super().__init__(code)
        self.code, self.params = code, params

    def message(self, redact: Redactor) -> Message:
        """Return the message, with the beginning of each text, without secret values."""
        return Message(self.code, {name: redact(str(value))[:SHOWN] for name, value in self.params.items()})


def system_resolve(name: str, port: int) -> list[str]:
    """Return the addresses of a name by the system's resolver. Raise OSError if there are none."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_address(site: Site, resolve: Resolve) -> tuple[str, int]:
    """Return the address and the port to connect to. Raise SiteProblem if they are not allowed."""
    name = site.dns_name.lower().rstrip(".")
    usual = 443 if site.secure else 80
    if not name:
        raise SiteProblem(Code.SITE_NAME_MISSING)
    if site.loopback:
        return _loopback_address(name, usual)
    known = AWS_NAME.fullmatch(name)
    if known is None:
        raise SiteProblem(Code.SITE_NAME_NOT_ALLOWED, name=name)
    addresses = _resolved(name, usual, resolve)
    for address in addresses:
        if not is_allowed(address, internal=bool(known["internal"])):
            raise SiteProblem(
                Code.SITE_ADDRESS_NOT_ALLOWED,
                name=name,
                address=address,
            )
    return addresses[0], usual


def _loopback_address(name: str, usual: int) -> tuple[str, int]:
    """Return the address of a load balancer on loopback.

    The name may include a port. Raise SiteProblem for an invalid address or port.
    """
    found = LOOPBACK_NAME.fullmatch(name)
    port = int(found["port"] or usual) if found else 0
    if found is None or not 0 < port < 65536 or not _is_address(found["host"]):
        raise SiteProblem(Code.SITE_SANDBOX_WITHOUT_SERVERS)
    return found["host"], port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _resolved(name: str, port: int, resolve: Resolve) -> list[str]:
    """Resolve in a separate thread, since the system's resolver has no timeout."""
    results: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def resolve_name() -> None:
        try:
            results.put(resolve(name, port))
        except (OSError, UnicodeError) as exc:
            results.put(OSError(str(exc)))

    threading.Thread(target=resolve_name, name="resolve", daemon=True).start()
    found: list[str] | OSError
    try:
        found = results.get(timeout=RESOLVE_SECONDS)
    except queue.Empty:
        found = OSError(f"not within {RESOLVE_SECONDS:g} s")
    if isinstance(found, OSError) or not found:
        raise SiteProblem(Code.SITE_NAME_NOT_RESOLVED, name=name, error=found or "–")
    return found


def is_allowed(text: str, *, internal: bool) -> bool:
    """Return whether a load balancer can have this address: public, or private if it is internal.

    Loopback, link-local (the metadata service) and similar addresses are never allowed, nor IPv6 addresses
    that embed an IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return is_public(address) and embedded(address) == address
    return is_public(address) or (internal and _is_plain_private(address))


def _is_plain_private(address: ipaddress.IPv4Address) -> bool:
    special = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_reserved
    return address.is_private and not special
