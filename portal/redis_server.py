"""A Redis for machines without one: `python -m portal.redis_server PATH` runs fakeredis at a Unix socket.

It serves Celery and the event streams of one machine. It loses its data at a restart, which is harmless: the
database is the source of truth. Production uses a real Redis.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

from fakeredis import TcpFakeServer

from portal.process import protect


class UnixFakeServer(TcpFakeServer):  # type: ignore[misc]  # fakeredis is untyped
    """fakeredis's server at a Unix socket. It identifies clients by address, which is empty there."""

    address_family = socket.AF_UNIX

    def __init__(self, path: str) -> None:
        self._numbers = count(1)
        super().__init__(path, server_type="redis")

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection and a unique name."""
        connection, _nothing = super().get_request()
        return connection, f"client-{next(self._numbers)}"


def serve(path: Path) -> None:
    """Serve until SIGTERM or SIGINT; replace the socket of a killed server."""
    endings = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)  # before the thread, which inherits the mask
    path.unlink(missing_ok=True)
    with UnixFakeServer(str(path)) as server:
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        signal.sigwait(endings)
        server.shutdown()
    with contextlib.suppress(OSError):
        path.unlink()


if __name__ == "__main__":
    protect()
    serve(Path(sys.argv[1]))
