"""A Redis for machines that have none: `python -m portal.redis_server PATH` is fakeredis at a Unix socket.

It carries Celery and the event streams of one machine. It keeps nothing over a restart, which the portal can
bear: the database holds the truth. Production uses a real Redis.
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
    """fakeredis's server at a Unix socket. It knows its clients by their address, which is empty there."""

    address_family = socket.AF_UNIX

    def __init__(self, path: str) -> None:
        self._numbers = count(1)
        super().__init__(path, server_type="redis")

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection and a name that no other one has."""
        connection, _nothing = super().get_request()
        return connection, f"client-{next(self._numbers)}"


def serve(path: Path) -> None:
    """Serve until SIGTERM or SIGINT; a socket that a killed server left is replaced."""
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
