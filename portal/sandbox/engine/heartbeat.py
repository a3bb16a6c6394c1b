"""One thread that lets time pass for the resources: boots, health checks, draining, replacement.

Each listener is called a few times a second, in the scope of every account and region that has something
for it, and must return at once. An exception is logged and the next beat comes all the same.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from portal.sandbox.engine.registry import scopes_of

logger = logging.getLogger(__name__)

INTERVAL = 0.1  # seconds

_listeners: list[tuple[Any, Callable[[], None]]] = []
_started = threading.Event()


def listen(store: Any, beat: Callable[[], None]) -> None:
    """Call beat regularly in every scope in which the store holds anything."""
    _listeners.append((store, beat))


def start() -> None:
    """Start the thread, once; it ends with the process."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_run, name="sandbox-heartbeat", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    while not pause.wait(INTERVAL):
        for store, beat in list(_listeners):
            for scope in scopes_of(store):
                try:
                    with scope.entered():
                        beat()
                except Exception:
                    logger.exception("A beat of %s failed in %s.", beat.__module__, scope)
