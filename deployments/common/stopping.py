"""Whether this process is asked to end: what takes minutes then leaves its work to another process."""

from __future__ import annotations

import threading

_stopping = threading.Event()


def stop() -> None:
    """Let the work of this process end soon."""
    _stopping.set()


def is_stopping() -> bool:
    """Return whether this process is about to end."""
    return _stopping.is_set()
