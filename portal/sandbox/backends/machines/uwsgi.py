"""A service of a machine that is a process: uWSGI on some addresses."""

import shutil
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from portal.sandbox.supervision import listening
from portal.sandbox.supervision.child import Child

START = 60.0  # seconds; a crowded machine may need them
STOP = 5.0
# What uWSGI logs when the application is loaded; it listens before, when it can't serve yet.
READY = b"spawned uWSGI worker"
TAIL = 20  # lines of the log that say why a start failed


class StartFailed(Exception):
    """The process ended or did not become ready; the message has the last lines of its log."""


def program() -> str | None:
    """Find uWSGI beside the interpreter or on PATH."""
    beside = Path(sys.executable).parent / "uwsgi"
    return str(beside) if beside.exists() else shutil.which("uwsgi")


class Service:
    """A process that listens on some addresses."""

    def __init__(
        self,
        *,
        options: list[str],
        environment: Mapping[str, str],
        log: Path,
        listening: list[tuple[str, int]],
    ) -> None:
        self.options = options
        self.environment = dict(environment)
        self.log = log
        self.listening = listening
        self._lock = threading.RLock()
        self._child: Child | None = None

    def same_as(self, other: "Service") -> bool:
        """Return whether the other one would be just this process again."""
        return (self.options, self.environment) == (other.options, other.environment)

    def running(self) -> bool:
        """Return whether the process runs."""
        return self._child is not None and self._child.running()

    def start(self) -> None:
        """Start the process and wait until it serves. Raises StartFailed when it does not."""
        with self._lock:
            if self.running():
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            before = self.log.stat().st_size if self.log.exists() else 0
            command = [program() or "uwsgi", *self.options]
            child = self._child = Child(command, log=self.log, environment=self.environment)
            child.start()
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and child.running():
            if READY in self.log.read_bytes()[before:]:
                return
            time.sleep(0.05)
        self.kill()
        raise StartFailed(self.tail())

    def tail(self, lines: int = TAIL) -> str:
        """Return the last lines of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def stop(self) -> None:
        """End the process as `systemctl stop` would, and wait for its end."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.stop(STOP)

    def kill(self) -> None:
        """Kill the process, in the middle of whatever it does; afterwards nothing listens."""
        with self._lock:
            child, self._child = self._child, None
        if child is None or child.group is None:
            return
        listening.stop(child.group)
        child.kill()
        # The kernel may take a moment more to end what the group's leader had started.
        deadline = time.monotonic() + STOP
        while any(_listens(address) for address in self.listening) and time.monotonic() < deadline:
            time.sleep(0.01)


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0
