"""Processes of the portal that are forked from one that has imported everything, instead of started.

Their imports and preparation take 1 to 3 CPU seconds, and a run of the tests starts hundreds of them. See
fork_server.py for what such a process has in common with a started one, and what it has not.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from sandbox_tests.processes import LIMIT, ServiceFailed, die_with_parent

REPOSITORY = Path(__file__).resolve().parent.parent
enabled = False  # tests/conftest.py: benchmarks measure processes that are started
_servers: dict[str, ForkServer] = {}
_lock = threading.Lock()


def kind_of(command: list[str]) -> str:
    """Return the server from which a command is forked, "" if from none."""
    match command:
        case [sys.executable, "-m", "celery", *_]:
            return "worker"
        case [sys.executable, script, "dispatch"] if script == str(REPOSITORY / "manage.py"):
            return "worker"
        case [sys.executable, "-m", "uvicorn", "portal.asgi:application", *_]:
            return "web"
    return ""


def fork(
    kind: str, command: list[str], directory: Path, environment: Mapping[str, str], log: BinaryIO
) -> ForkedProcess:
    """Fork a process from the server of this kind; the first one starts it."""
    with _lock:
        if kind not in _servers or not _servers[kind].is_running():
            _servers[kind] = ForkServer(kind, environment)
        return _servers[kind].fork(command, directory, environment, log)


def stop_servers() -> None:
    """End the servers, and with them their processes."""
    while _servers:
        _kind, server = _servers.popitem()
        server.stop()


class ForkServer:
    """A process that has imported everything and forks others."""

    def __init__(self, kind: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*die_with_parent(), sys.executable, "-m", "tests.fork_server", kind],
                cwd=REPOSITORY,
                env=dict(environment),
                stdin=theirs.fileno(),
                start_new_session=True,
            )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def fork(
        self, command: list[str], directory: Path, environment: Mapping[str, str], log: BinaryIO
    ) -> ForkedProcess:
        """Fork a process that runs the command."""
        job = {"command": command, "directory": str(directory), "environment": dict(environment)}
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [json.dumps(job).encode()], [log.fileno(), theirs.fileno()])
        return ForkedProcess(ours)

    def stop(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait(LIMIT)


class ForkedProcess:
    """A forked process, with the methods of subprocess.Popen that tests use."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._received = connection, b""
        self.returncode: int | None = None
        connection.settimeout(LIMIT)
        while b"\n" not in self._received:
            if not (received := connection.recv(64)):
                raise ServiceFailed("the process that forks others has ended")
            self._received += received
        number, self._received = self._received.split(b"\n", 1)
        self.pid = int(number)

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raise TimeoutExpired after `timeout` seconds."""
        while self.returncode is None:
            if b"\n" in self._received:
                self._end(int(self._received))
            elif not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            elif received := self._connection.recv(64):
                self._received += received
            else:  # it dies with the server
                self._end(-signal.SIGKILL)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, none after its end."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _end(self, code: int) -> None:
        self.returncode = code
        self._connection.close()
