"""Loopback addresses: two for a cluster's endpoints, one for each of its servers, on the requested port."""

import random

from sanso_sandbox.backends.loopback import SHARED, bindable, free_port
from sanso_sandbox.protocols.databases import Address, Endpoint

TRIES = 50


def choose(port: int) -> Endpoint:
    """Choose two addresses of 127.0.0.0/8 with the port free on both.

    If only 127.0.0.1 can be bound (macOS), the endpoints share it, on the port if it is free and on another
    port otherwise; the cluster then reports that in Endpoint.Port.
    """
    for _try in range(TRIES):
        base, last = _network()
        writer, reader = f"{base}.{last + 1}", f"{base}.{last + 2}"
        if not bindable(writer, 0):
            break
        if bindable(writer, port) and bindable(reader, port):
            return Endpoint(writer=writer, reader=reader, port=port)
    port = port if bindable(SHARED, port) else free_port(SHARED)
    return Endpoint(writer=SHARED, reader=SHARED, port=port)


def choose_address(port: int) -> Address:
    """Choose an address for a server; on a machine with a single address, choose another port."""
    for _try in range(TRIES):
        base, last = _network()
        host = f"{base}.{last + 3}"
        if not bindable(host, 0):
            break
        if bindable(host, port):
            return host, port
    return SHARED, free_port(SHARED)


def _network() -> tuple[str, int]:
    """Choose a network of four addresses; return its first three numbers as text, and its last number."""
    numbers = (random.randrange(64, 128), random.randrange(256))  # noqa: S311 - no secret
    return "127.{}.{}".format(*numbers), 4 * random.randrange(63)  # noqa: S311
