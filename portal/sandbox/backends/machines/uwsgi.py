"""A service of a machine: a uWSGI process on a leash, so that it ends with the sandbox however that ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from portal.sandbox.supervision import die_with_parent, listening

START = 60.0  # seconds; a crowded machine may need them
STOP = 5.0
# What uWSGI logs when the application is loaded; it listens before, when nothing says yet that it can serve.
READY = b"spawned uWSGI worker"
TAIL = 20  # lines of the log that tell why a start failed


class StartFailed(Exception):
    """The process ended or stayed silent; the message has the last lines of its log."""


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
        environment: dict[str, str],
        log: Path,
        listening: list[tuple[str, int]],
    ) -> None:
        self.options = options
        self.environment = environment
        self.log = log
        self.listening = listening
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None

    def same_as(self, other: "Service") -> bool:
        """Tell whether the other one would be just this process again."""
        return (self.options, self.environment) == (other.options, other.environment)

    def running(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it serves. Raises StartFailed when it does not."""
        with self._lock:
            if self.running():
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                before = log.tell()
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        die_with_parent.__file__,
                        program() or "uwsgi",
                        *self.options,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    start_new_session=True,
                )
            process = self._process
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and process.poll() is None:
            if READY in self.log.read_bytes()[before:]:
                return
            time.sleep(0.05)
        self.kill()
        raise StartFailed(self.tail())

    def tail(self, lines: int = TAIL) -> str:
        """Read the last lines of the log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        """End the process as `systemctl stop` would, and wait until it is gone."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            _kill(process)

    def kill(self) -> None:
        """End the process at once, in the middle of whatever it does; afterwards nothing listens."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        listening.stop(process.pid)
        _kill(process)
        # The leash is gone; the kernel may take a moment more to end what it held.
        deadline = time.monotonic() + STOP
        while any(_listens(place) for place in self.listening) and time.monotonic() < deadline:
            time.sleep(0.01)


def _listens(place: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(place) == 0


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
