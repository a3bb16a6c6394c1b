"""Counts of HTTP requests: each web process adds its own to those of all processes in Redis.

A request only adds to a counter in memory, under a lock. The thread of the heartbeat writes it to Redis every
few seconds; a process that is killed loses what it has counted since. While Redis does not respond, the
counts stay in the process.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

KEY = "sanso:http-requests"
PARTS = (("/api/", "api"), ("/static/", "static"), ("/healthz", "probe"), ("/readyz", "probe"))
"""By the beginning of the path; everything else is a page. Paths themselves are no labels: they have ids."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MILLISECONDS = "milliseconds"

_pending: Counter[str] = Counter()
_lock = threading.Lock()


def count(method: str, path: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    part = next((name for beginning, name in PARTS if path.startswith(beginning)), "page")
    shown = method if method in METHODS else "other"
    with _lock:
        _pending[f"{part}:{shown}:{status}"] += 1
        _pending[f"{part}:{MILLISECONDS}"] += round(seconds * 1000)


def write(redis: Redis) -> None:
    """Add the counts of this process to those in Redis. Raise RedisError, and keep them, if it fails."""
    global _pending  # the counter of this process
    with _lock:
        taken, _pending = _pending, Counter()
    try:
        with redis.pipeline(transaction=True) as pipeline:
            for name, number in taken.items():
                pipeline.hincrby(KEY, name, number)
            pipeline.execute()
    except RedisError:
        with _lock:
            _pending.update(taken)
        raise


def read(redis: Redis) -> tuple[dict[tuple[str, str, str], int], dict[str, float]]:
    """Return the requests by part, method and status, and the seconds by part. Raise RedisError."""
    found: Any = redis.hgetall(KEY)
    requests: dict[tuple[str, str, str], int] = {}
    seconds: dict[str, float] = {}
    for name, number in found.items():
        part, _, rest = name.partition(":")
        if rest == MILLISECONDS:
            seconds[part] = int(number) / 1000
        else:
            method, _, status = rest.partition(":")
            requests[part, method, status] = int(number)
    return requests, seconds
