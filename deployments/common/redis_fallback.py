"""Redis while it responds, and what a process does by itself while it does not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

T = TypeVar("T")
Clock = Callable[[], float]
PAUSE = 5.0
"""Seconds until Redis is tried again after it did not respond."""
NOW = """
local now = tonumber(ARGV[1])
if now == nil then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
"""
"""The beginning of a script: its first argument is the tests' clock (`time_of`), or empty for Redis's own."""


def connect(url: str, timeout: float, *, retries: int = 0) -> Redis:
    """Return a client whose caller waits at most `timeout` seconds for each attempt.

    `retries`: after a closed connection. Nothing is repeated after a timeout, since it may count twice.
    """
    retry = Retry(NoBackoff(), retries, supported_errors=(NotConnected,))
    return Redis.from_url(
        url, socket_connect_timeout=timeout, socket_timeout=timeout, retry=retry, decode_responses=True
    )


def time_of(clock: Clock | None) -> str:
    """Return the time of the tests' clock; "" means Redis's own time, the same for every machine."""
    return f"{clock():.6f}" if clock else ""


@dataclass(slots=True)
class Fallback:
    """Chooses between Redis and this process. Each change is logged once.

    `meanwhile` and `again`: what happens without Redis, and when it is back.
    """

    meanwhile: str
    again: str
    clock: Clock = time.monotonic
    pause: float = PAUSE
    _unavailable_until: float = float("-inf")
    _unavailable: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def use(self, shared: Callable[[], T], own: Callable[[], T]) -> T:
        """Return the result of `shared`, or of `own` if Redis does not respond or did not recently."""
        if self.clock() >= self._unavailable_until:
            try:
                result = shared()
            except RedisError as exc:
                self._report(str(exc) or type(exc).__name__)
            else:
                self._report("")
                return result
        return own()

    def _report(self, error: str) -> None:
        if not error and not self._unavailable:
            return
        with self._lock:
            if error:
                self._unavailable_until = self.clock() + self.pause
            if error and not self._unavailable:
                log.warning("Redis is unavailable; %s: %s", self.meanwhile, error)
            if self._unavailable and not error:
                log.warning("Redis is available again; %s", self.again)
            self._unavailable = bool(error)
