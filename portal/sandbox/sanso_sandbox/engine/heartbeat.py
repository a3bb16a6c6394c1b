"""A thread that advances resources over time: boots, health checks, draining, replacement.

It calls each listener a few times a second, in every account and region with data in the listener's store.
Listeners must return quickly. Exceptions are logged, and the next calls follow.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from sanso_sandbox.engine.registry import scopes_of

logger = logging.getLogger(__name__)

INTERVAL = 0.1  # seconds

_listeners: list[tuple[Any, Callable[[], None]]] = []
_started = threading.Event()


def listen(store: Any, beat: Callable[[], None]) -> None:
    """Call `beat` regularly in every scope in which the store contains data."""
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
