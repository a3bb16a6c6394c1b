"""A websocket is refused, and leaves no error in the log of a web process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.services import LIMIT, free_port, wait_until

HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def answer(port: int) -> bytes:
    """Return the first bytes of the response to the handshake of a websocket."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(HANDSHAKE.encode())
        return connection.recv(1000)


def is_open(port: int) -> bool:
    """Return whether a process listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_websocket_is_refused_without_a_traceback(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "uvicorn", "portal.asgi:application", "--port", str(port)]
    environment = {**os.environ, "SANSO_DATA_DIR": str(tmp_path), "DATABASE_URL": "sqlite://:memory:"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: is_open(port), what="a web process")
        found = answer(port)
    finally:
        server.terminate()
        server.wait()

    assert found.startswith(b"HTTP/1.1 403 ")
    assert "Traceback" not in log.read_text()
