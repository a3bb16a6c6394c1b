"""Connections to hosts of sources: the name is resolved once, and only to addresses that are allowed.

The address that was checked is the one that is connected to, so a name cannot resolve to another address
between the check and the connection (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from deployments.errors import FetchFailed, UserFixable
from deployments.message_codes import Code

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIMEOUT = 15.0
"""Seconds for a connection, and without any byte of an answer."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64); otherwise itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_listed(address: Address, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of the networks that a setting allows."""
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


def is_public(address: Address) -> bool:
    """Return whether an address is one of the internet: no loopback, link-local, private or multicast one."""
    return address.is_global and not address.is_multicast


def connect(host: str, port: int, networks: tuple[str, ...], *, is_plain: bool = False) -> socket.socket:
    """Return a connection to a host.

    Raise UserFixable if it has an address that is neither public nor listed, or, for plain http, not listed;
    FetchFailed if it cannot be resolved or reached.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchFailed("SourceUnreachable", Code.SOURCE_HOST_UNKNOWN, host=host) from None
    places = [(family, kind, protocol, place) for family, kind, protocol, _name, place in found]
    for _family, _kind, _protocol, place in places:
        _check(host, embedded(ipaddress.ip_address(str(place[0]).partition("%")[0])), networks, is_plain)
    why: OSError | None = None
    for family, kind, protocol, place in places:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(place)
            return connection
        except OSError as exc:
            connection.close()
            why = exc
    raise unreachable(host, why)


def _check(host: str, address: Address, networks: tuple[str, ...], is_plain: bool) -> None:
    if is_listed(address, networks):
        return
    if is_plain:
        raise UserFixable("SourceRefused", Code.SOURCE_HTTP_NOT_ALLOWED, "url", host=host)
    if not is_public(address):
        raise UserFixable("SourceRefused", Code.SOURCE_ADDRESS_NOT_ALLOWED, "url", host=host, address=address)


def unreachable(host: str, why: object) -> FetchFailed:
    """Return the error about a connection that could not be made or broke."""
    text = getattr(why, "strerror", None) or str(why or "") or type(why).__name__
    return FetchFailed("SourceUnreachable", Code.SOURCE_UNREACHABLE, host=host, why=text)
