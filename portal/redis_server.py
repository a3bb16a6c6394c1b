"""A Redis for machines that have none: `python -m portal.redis_server PORT` serves fakeredis on loopback.

It carries Celery and the event streams of one machine. It keeps nothing over a restart, which the portal can
bear: the database holds the truth. Production uses a real Redis.
"""

from __future__ import annotations

import signal
import socketserver
import sys
import threading

from fakeredis import TcpFakeServer

HOST = "127.0.0.1"


def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError when the port is taken."""
    # Replies are written in small pieces; with Nagle's algorithm each Celery task would cost about 90 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    endings = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)  # before the thread, which inherits the mask
    with TcpFakeServer((HOST, port), server_type="redis") as server:
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        signal.sigwait(endings)
        server.shutdown()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
