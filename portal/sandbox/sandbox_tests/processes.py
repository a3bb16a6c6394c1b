"""Server processes for tests: started in folders and on ports of their own, waited for, stopped or killed.

A handle, a Service, can `kill()` its server like a crash and `restart()` it on the same port and data.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

LOOPBACK = "127.0.0.1"
PORTS = range(20000, 32000)
"""Below the kernel's ephemeral range (32768 and up), so no outgoing connection uses one."""
LIMIT = 120.0
"""Seconds that tests wait for any condition; they wait this long only if it never becomes true.

Tests do not measure speed with a clock, which other programs on the machine affect: a test removes the slow
alternative (a fallback, a timeout) and waits for the result.
"""
STOP_SECONDS = 60.0
waited: dict[str, float] = {}
"""Seconds by what was waited for, in this process; the portal's tests report them."""
PROJECT = Path(__file__).resolve().parent.parent
"""The folder that contains these tests, and in a checkout the sandbox."""


class ServiceFailed(Exception):
    """A server did not start or stop; the message ends with the tail of its log."""


def without_aws() -> None:
    """Remove the variables of AWS and of the sandbox from the environment, and have no SDK look elsewhere."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANSO_"))]:
        del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def free_port() -> int:
    """Return a loopback port below 32768 on which nothing listens."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return port
    raise ServiceFailed(f"no free port in {PORTS.start}-{PORTS.stop - 1}")


def wait_until(condition: Callable[[], bool], *, seconds: float = LIMIT, what: str = "") -> None:
    """Wait until `condition()` is true; raise TimeoutError if it is not within `seconds`.

    The pauses between checks increase: most conditions are queries, which use CPU time that the tested code
    needs.
    """
    started, pause = time.monotonic(), 0.01
    try:
        while not condition():
            if time.monotonic() > started + seconds:
                raise TimeoutError(f"{what or 'the condition'} did not come true within {seconds:g} s")
            time.sleep(pause)
            pause = min(1.2 * pause, 0.1)
    finally:
        name = what or getattr(condition, "__qualname__", "the condition")
        waited[name] = waited.get(name, 0) + time.monotonic() - started


class Process(Protocol):
    """What tests use of subprocess.Popen."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(kw_only=True)
class Service:
    """A server process: its command, its log, and a check whether it responds."""

    command: list[str]
    folder: Path
    port: int
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: Process | None = None
    stop_timeout: float = STOP_SECONDS  # seconds from SIGTERM to the kill
    directory: Path = PROJECT

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it responds; raise ServiceFailed if it ends or does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = self.process = self.spawn(log)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: process.poll() is not None or self.answers(), seconds=LIMIT)
        if process.poll() is not None or not self.answers():
            self.kill()
            tail = self.log.read_text(errors="replace")[-3000:]
            raise ServiceFailed(f"{self.command[0]} did not start:\n{tail}")

    def spawn(self, log: BinaryIO) -> Process:
        """Start the process with this log, and return it."""
        return subprocess.Popen(
            [*die_with_parent(), *self.command],
            cwd=self.directory,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal ends pytest, which then stops the server
        )

    def stop(self) -> None:
        """Send SIGTERM and wait for the end; kill the process if it takes too long. Harmless when ended."""
        if self.process is None or not self.is_running():
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the process and its group as `kill -9` does, without cleanup."""
        if self.process is None:
            return
        pid = self.process.pid
        if self.process.returncode is not None and Path(f"/proc/{pid}").exists():
            return  # no process of its group is left, and its number is another one's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Pause the process and its group for the duration of the block; ports still accept connections."""
        assert self.process is not None
        group = self.process.pid
        os.killpg(group, signal.SIGSTOP)
        try:
            wait_until(lambda: set(_states(group)) == {"T"}, what="the stop of all processes")
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def restart(self) -> None:
        """Stop the process if it runs, then start it again with the same port and folder."""
        self.stop()
        self.start()


def _states(group: int) -> Iterator[str]:
    """Yield the state of each process of a group, as in /proc/<pid>/stat (proc(5))."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, found = path.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state


def processor_seconds(pid: int) -> float:
    """Return the CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent() -> list[str]:
    """Return a command prefix that kills a server when pytest is killed (Linux; empty elsewhere)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if sys.platform == "linux" and setpriv else []


def find_program(*names: str) -> str:
    """Return the path of the first of `names` that is installed; raise ServiceFailed if none is."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        if found := shutil.which(name, path=places):
            return found
    raise ServiceFailed(f"{' or '.join(names)} is not installed; in a checkout `make test` installs it")
