"""Loopback addresses for instances and load balancers, and the ports that can be had on them."""

import random
import socket
import threading

TRIES = 50
SHARED = "127.0.0.1"
INSTANCES = range(128, 192)  # second number of the addresses; databases have 64 to 127
BALANCERS = range(192, 224)

_lock = threading.Lock()
_taken: set[str] = set()


class Address:
    """An address of one's own in 127.0.0.0/8, or 127.0.0.1 where nothing else can be bound (macOS)."""

    def __init__(self, numbers: range) -> None:
        self._ports: dict[int, int] = {}
        self._lock = threading.Lock()
        self.host = _choose(numbers)

    def port(self, wanted: int) -> int:
        """Tell the port behind a wanted one: itself wherever it can be bound, else a free one, for good."""
        with self._lock:
            if wanted not in self._ports:
                self._ports[wanted] = wanted if bindable(self.host, wanted) else _free_port(self.host)
            return self._ports[wanted]

    def release(self) -> None:
        """Give the address back."""
        with _lock:
            _taken.discard(self.host)


def bindable(host: str, port: int) -> bool:
    """Tell whether this process may listen there now."""
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


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
