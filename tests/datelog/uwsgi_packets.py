"""Packets of uWSGI's own protocol, as a web server that is not Apache could send them.

Imports nothing of the tests, because it is copied into machines too.
https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html
"""

import socket
import struct
from collections.abc import Sequence

REQUEST = (
    ("REQUEST_METHOD", "GET"),
    ("PATH_INFO", "/healthz"),
    ("REQUEST_URI", "/healthz"),
    ("QUERY_STRING", ""),
    ("SERVER_PROTOCOL", "HTTP/1.1"),
    ("SERVER_NAME", "times.example"),
    ("SERVER_PORT", "80"),
    ("REMOTE_ADDR", "203.0.113.9"),
)


def block(variables: Sequence[tuple[str, str]]) -> bytes:
    """Return variables as the body of a packet."""
    texts = (text.encode() for pair in variables for text in pair)
    return b"".join(struct.pack("<H", len(text)) + text for text in texts)


def send(port: int, body: bytes, *, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """Send one packet and return the complete response, empty if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(struct.pack("<BHB", modifier1, len(body), modifier2) + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def request(port: int, *variables: tuple[str, str], modifier1: int = 0, modifier2: int = 0) -> bytes:
    """Request /healthz with additional variables, and return the complete response."""
    return send(port, block([*REQUEST, *variables]), modifier1=modifier1, modifier2=modifier2)
