"""Requests whose connections stay open, so that a test decides how long they wait."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence


def send(address: str, port: int, path: str) -> socket.socket:
    """Return a connection on which a request has been sent; reading from it waits five seconds."""
    connection = socket.create_connection((address, port), timeout=5)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n".encode())
    return connection


def answered(connections: Sequence[socket.socket]) -> int:
    """Return how many of the requests have been answered, or ended, by now."""
    return len(select.select(connections, [], [], 0)[0])
