"""Loopback addresses: two for a cluster's endpoints, one for each of its servers, on the port asked for."""

import random
import socket
from dataclasses import dataclass

TRIES = 50
SHARED = "127.0.0.1"

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a cluster answers."""

    writer: str
    reader: str
    port: int


def choose(port: int) -> Endpoint:
    """Choose two addresses of 127.0.0.0/8 with the port free on both.

    Where only 127.0.0.1 can be bound (macOS) the endpoints share it, on the port if it is free and on
    another otherwise; the cluster then says so in Endpoint.Port.
    """
    for _try in range(TRIES):
        base, last = _network()
        writer, reader = f"{base}.{last + 1}", f"{base}.{last + 2}"
        if not _bindable(writer, 0):
            break
        if _bindable(writer, port) and _bindable(reader, port):
            return Endpoint(writer=writer, reader=reader, port=port)
    port = port if _bindable(SHARED, port) else _any_port()
    return Endpoint(writer=SHARED, reader=SHARED, port=port)


def choose_place(port: int) -> Place:
    """Choose an address for a server of its own; where there is but one, another port on it."""
    for _try in range(TRIES):
        base, last = _network()
        host = f"{base}.{last + 3}"
        if not _bindable(host, 0):
            break
        if _bindable(host, port):
            return host, port
    return SHARED, _any_port()


def _network() -> tuple[str, int]:
    """Draw a network of four addresses: its first three numbers, and its last."""
    numbers = (random.randrange(64, 128), random.randrange(256))  # noqa: S311 - no secret
    return "127.{}.{}".format(*numbers), 4 * random.randrange(63)  # noqa: S311


def _bindable(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((SHARED, 0))
        port: int = probe.getsockname()[1]
        return port
