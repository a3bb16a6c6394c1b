"""Rejects connections and lookups beyond this machine, so that no test can reach AWS."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


class LeavesThisMachine(AssertionError):
    """A test tried to connect to another machine. Not an OSError, which the tested code might handle."""


def enforce() -> None:
    """Replace the socket functions of this process with checking ones. A second call has no effect."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment]  # on purpose
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign, assignment]  # on purpose
    socket.getaddrinfo = _guarded_getaddrinfo


def is_local(host: object) -> bool:
    """Return whether a host, as passed to the socket module, is a loopback address of this machine."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_strangers(address: Any) -> None:
    if isinstance(address, tuple) and not is_local(address[0]):
        raise LeavesThisMachine(f"tests talk to loopback only, not to {address[0]}")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _refuse_strangers(address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _refuse_strangers(address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    if not is_local(host):
        raise LeavesThisMachine(f"tests talk to loopback only, not to {host}")
    return _getaddrinfo(host, *arguments, **options)
