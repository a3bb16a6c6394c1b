"""Loopback addresses for instances, load balancers and databases, and their free ports."""

import random
import socket
import threading

TRIES = 50
SHARED = "127.0.0.1"
INSTANCES = range(128, 192)  # second number of the addresses; those of databases are 64 to 127
BALANCERS = range(192, 224)

_lock = threading.Lock()
_taken: set[str] = set()
_ports: set[tuple[str, int]] = set()


class Address:
    """A separate address in 127.0.0.0/8, or 127.0.0.1 if no other one can be bound (macOS)."""

    def __init__(self, numbers: range) -> None:
        self._ports: dict[int, int] = {}
        self.host = _choose(numbers)

    def port(self, wanted: int) -> int:
        """Return the port for a requested one: itself if it is free, else another one, permanently."""
        with _lock:
            if wanted not in self._ports:
                free = (self.host, wanted) not in _ports and bindable(self.host, wanted)
                self._ports[wanted] = wanted if free else _unused_port(self.host)
                _ports.add((self.host, self._ports[wanted]))
            return self._ports[wanted]

    def release(self) -> None:
        """Release the address and its ports."""
        with _lock:
            _taken.discard(self.host)
            _ports.difference_update((self.host, port) for port in self._ports.values())


def bindable(host: str, port: int) -> bool:
    """Return whether this process can bind the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _choose(numbers: range) -> str:
    with _lock:
        for _try in range(TRIES):
            host = f"127.{random.choice(numbers)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311
            if not bindable(host, 0):
                return SHARED
            if host not in _taken:
                _taken.add(host)
                return host
    return SHARED


def _unused_port(host: str) -> int:
    while True:
        port = free_port(host)
        if (host, port) not in _ports:
            return port


def free_port(host: str) -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
