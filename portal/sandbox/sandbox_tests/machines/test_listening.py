"""All processes of a machine stop listening before the first of them ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from sanso_sandbox.supervision import listening

ECHO = """
import os, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
os.fork()  # both listen
while True:
    with server.accept()[0] as client:
        while said := client.recv(100):
            client.sendall(said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process share another one's sockets")
def test_who_comes_is_refused_and_who_is_served_is_served_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ECHO], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        place = "127.0.0.1", int(process.stdout.readline())
        try:
            with socket.create_connection(place, 10) as client:
                client.sendall(b"before")
                assert client.recv(100) == b"before"
                listening.stop(process.pid)
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(place, 10)
                client.sendall(b"after")
                assert client.recv(100) == b"after"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
