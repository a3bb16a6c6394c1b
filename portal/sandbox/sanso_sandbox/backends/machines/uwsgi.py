"""A service of a machine that is a process: uWSGI on some addresses, which a successor can take over."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sanso_sandbox.backends.functions.confinement.readable_paths import readable
from sanso_sandbox.backends.machines import confined
from sanso_sandbox.supervision import listening
from sanso_sandbox.supervision.child import Child

START = 60.0  # seconds; long enough for a busy machine
STOP = 5.0
MERCY = 90.0  # seconds for requests in progress after a takeover, as in the playbook's uwsgi.ini
# uWSGI logs this when the application is loaded; it listens earlier, when it cannot serve yet.
READY = b"spawned uWSGI worker"
TAIL = 20  # number of log lines in the error of a failed start

Address = tuple[str, int]
Sockets = tuple[tuple[str, Address], ...]  # uWSGI's option, such as --http-socket, and its address


class ServiceStartFailed(Exception):
    """The process ended or did not become ready; the message contains the last lines of its log."""


def program() -> str | None:
    """Return the path of uWSGI next to the interpreter or on PATH."""
    beside = Path(sys.executable).parent / "uwsgi"
    return str(beside) if beside.exists() else shutil.which("uwsgi")


class Service:
    """A process that listens on some addresses."""

    def __init__(
        self,
        *,
        options: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        sockets: Sockets,
        confined_to: Sequence[Path] = (),
    ) -> None:
        """Initialize without starting.

        Args:
            confined_to: the only files and folders of this user that the code may read; empty without limits.
        """
        self.options = [*options]
        self.environment = dict(environment)
        self.log = log
        self.sockets = sockets
        self._confined_to = tuple(confined_to)
        self._lock = threading.RLock()
        self._child: Child | None = None
        self._predecessor: Service | None = None

    @property
    def listening(self) -> list[Address]:
        """The addresses on which it listens."""
        return [address for _option, address in self.sockets]

    @property
    def arguments(self) -> list[str]:
        """The arguments of uWSGI if it opens the sockets itself."""
        return [*self.options, *_arguments(self.sockets, {})]

    def same_as(self, other: "Service") -> bool:
        """Return whether the other service would be an identical process."""
        return (self.arguments, self.environment) == (other.arguments, other.environment)

    def groups(self) -> list[int]:
        """Return the process groups of this service, and of the one before while that ends."""
        child, before = self._child, self._predecessor
        own = [child.group] if child is not None and child.group is not None else []
        return own + (before.groups() if before is not None else [])

    def running(self) -> bool:
        """Return whether the process runs."""
        return self._child is not None and self._child.running()

    def start(self) -> None:
        """Start the process and wait until it serves. Raises ServiceStartFailed if it does not."""
        self._start({})

    def take_over(self, predecessor: "Service") -> None:
        """Start on the sockets of a serving process, which then ends after its requests.

        No connection is rejected meanwhile, as with systemd's socket and uWSGI's chain reload. Raises
        ServiceStartFailed if this one does not become ready; the other one then continues to serve.
        """
        held = predecessor.held_sockets()
        try:
            if not set(self.listening) <= held.keys():  # another port, or a system without shared sockets
                predecessor.stop()
                self._start({})
                return
            self._start({address: one.fileno() for address, one in held.items()})
        finally:
            for one in held.values():
                one.close()
        self._predecessor = predecessor
        predecessor.retire()

    def held_sockets(self) -> dict[Address, socket.socket]:
        """Return duplicates of the sockets on which the process listens; the caller closes them."""
        child = self._child
        return listening.shared(child.group) if child and child.group and child.running() else {}

    def _start(self, inherited: Mapping[Address, int]) -> None:
        with self._lock:
            if self.running():
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            before = self.log.stat().st_size if self.log.exists() else 0
            command = [program() or "uwsgi", *self.options, *_arguments(self.sockets, inherited)]
            if self._confined_to:
                paths = json.dumps(readable([*map(str, self._confined_to), command[0]]))
                command = [sys.executable, "-I", "-S", confined.__file__, paths, *command]
            child = self._child = Child(
                command, log=self.log, environment=self.environment, inherited=tuple(inherited.values())
            )
            child.start()
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and child.running():
            if READY in self.log.read_bytes()[before:]:
                return
            time.sleep(0.05)
        if inherited:  # the sockets also belong to another process
            child.kill()
            self._child = None
        else:
            self.kill()
        raise ServiceStartFailed(self.tail())

    def tail(self, lines: int = TAIL) -> str:
        """Return the last lines of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def retire(self) -> None:
        """Stop taking requests, and end the process after those in progress."""
        child = self._child
        if child is None or child.group is None:
            return
        for process in listening.members(child.group):
            if process != child.group:  # the group leader only waits for uWSGI
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGHUP)
        threading.Thread(target=self._end_after_mercy, args=(child,), daemon=True).start()

    def _end_after_mercy(self, child: Child) -> None:
        deadline = time.monotonic() + MERCY
        while child.running() and time.monotonic() < deadline:
            time.sleep(0.1)
        child.stop(STOP)

    def stop(self) -> None:
        """Stop the process as `systemctl stop` does, and wait for its end."""
        with self._lock:
            child, self._child = self._child, None
            predecessor, self._predecessor = self._predecessor, None
        if child is not None:
            child.stop(STOP)
        if predecessor is not None:
            predecessor.stop()

    def kill(self) -> None:
        """Kill the process at once; afterwards nothing listens."""
        with self._lock:
            child, self._child = self._child, None
            predecessor, self._predecessor = self._predecessor, None
        if predecessor is not None:
            predecessor.kill()
        if child is None or child.group is None:
            return
        listening.stop(child.group)
        child.kill()
        # The kernel may end the leader's children a moment later.
        deadline = time.monotonic() + STOP
        while any(_listens(address) for address in self.listening) and time.monotonic() < deadline:
            time.sleep(0.01)


def _arguments(sockets: Sockets, inherited: Mapping[Address, int]) -> list[str]:
    """Return the options for the sockets, with the descriptors of inherited ones."""
    found = []
    for option, address in sockets:
        number = inherited.get(address)
        found += [option, f"{address[0]}:{address[1]}" if number is None else f"fd://{number}"]
    return found


def _listens(address: Address) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0
