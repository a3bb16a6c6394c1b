"""Connections to hosts of sources: the name is resolved once, and only to addresses that are allowed.

The address that was checked is the one that is connected to, so a name cannot resolve to another address
between the check and the connection (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Iterable
from dataclasses import replace

from deployments.common.errors import FetchFailed, Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.rules.public_addresses import Address, embedded, is_public

log = logging.getLogger(__name__)
TIMEOUT = 15.0
"""Seconds for a connection, and without any byte of an answer."""


def is_listed(address: Address, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of the networks that a setting allows."""
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


def without_address(message: Message) -> Message:
    """Return a message without the address that a name resolves to, which is written into the log.

    Who names a host is not told what is inside the network of the portal.
    """
    if "address" not in message.params:
        return message
    log.warning("refused to connect to an address that is not public: %s", message)
    return replace(message, params={k: v for k, v in message.params.items() if k != "address"})


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
