"""Loopback addresses for a cluster: one for its writer, one for its reader, on the port asked for."""

import random
import socket
from dataclasses import dataclass

TRIES = 50


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
        network = f"127.{random.randrange(64, 128)}.{random.randrange(256)}.{4 * random.randrange(63)}"  # noqa: S311
        base, _dot, last = network.rpartition(".")
        writer, reader = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        if not _bindable(writer, 0):
            break
        if _bindable(writer, port) and _bindable(reader, port):
            return Endpoint(writer=writer, reader=reader, port=port)
    port = port if _bindable("127.0.0.1", port) else _any_port()
    return Endpoint(writer="127.0.0.1", reader="127.0.0.1", port=port)


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
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
