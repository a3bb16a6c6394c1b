"""The running processes: each reports its version and what it measures to Redis, under a key that expires.

Nothing that Sanso does depends on a heartbeat: the metrics read them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from deployments.common.redis_fallback import connect

log = logging.getLogger(__name__)

STREAMS = "streams"
"""The name under which a web process reports its open event streams."""
SKEW = "skew"
"""The name under which each process reports by how many milliseconds its clock is ahead of Redis's."""
NAMES = "sanso:processes"
PREFIX = "sanso:process:"
INTERVAL = 5.0
EXPIRY = 20
"""Seconds after which a process that does not report counts as stopped."""

Measure = Callable[[], Mapping[str, int]]
Write = Callable[[Redis], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """A process that reported within the last `EXPIRY` seconds. `started_at` is a Unix time."""

    kind: str
    host: str
    pid: int
    version: str
    started_at: float
    measured: Mapping[str, int] = field(default_factory=dict)

    @property
    def skew(self) -> float:
        """Return by how many seconds its clock is ahead of Redis's; 0 if its version does not report it."""
        return self.measured.get(SKEW, 0) / 1000

    @property
    def name(self) -> str:
        """Return the host and the process id, which tell it apart from others of its kind."""
        return f"{self.host}:{self.pid}"


def client() -> Redis:
    """Return a client of the portal's Redis with short timeouts."""
    return connect(settings.REDIS_URL, 1)


def report(redis: Redis, process: RunningProcess) -> None:
    """Report a process for the next seconds. Raise RedisError if Redis does not respond."""
    key = f"{PREFIX}{process.kind}:{process.name}"
    value = {name: getattr(process, name) for name in ("kind", "host", "pid", "version", "started_at")}
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.set(key, json.dumps(value | {"measured": dict(process.measured)}), ex=EXPIRY)
        pipeline.sadd(NAMES, key)
        pipeline.execute()


def start(kind: str, measure: Measure = dict, write: Write = lambda _redis: None) -> threading.Event:
    """Report this process every few seconds, in a thread; return the event that ends it.

    `write` adds what the process has counted to Redis, as often.
    """
    stop = threading.Event()
    started_at = time.time()

    def keep_reporting() -> None:
        redis = client()
        while True:
            with contextlib.suppress(RedisError):  # the next one is a few seconds away
                report(redis, _own(kind, started_at, {**measure(), SKEW: _skew(redis)}))
                write(redis)
            if stop.wait(INTERVAL):
                redis.close()
                return

    threading.Thread(target=keep_reporting, name="heartbeat", daemon=True).start()
    return stop


def _skew(redis: Redis) -> int:
    """Return by how many milliseconds this process's clock is ahead of Redis's. Raise RedisError."""
    before = time.time()
    seconds, microseconds = redis.time()
    return round(((before + time.time()) / 2 - seconds - microseconds / 1e6) * 1000)


def _own(kind: str, started_at: float, measured: Mapping[str, int]) -> RunningProcess:
    return RunningProcess(
        kind=kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=settings.SANSO_VERSION,
        started_at=started_at,
        measured=measured,
    )


def running(redis: Redis) -> list[RunningProcess]:
    """Return the processes that report. Raise RedisError if Redis does not respond."""
    names: Any = redis.smembers(NAMES)
    keys = sorted(names)
    values: Any = redis.mget(keys) if keys else []
    gone = [key for key, value in zip(keys, values, strict=True) if value is None]
    if gone:
        redis.srem(NAMES, *gone)
    return [RunningProcess(**json.loads(value)) for value in values if value]
