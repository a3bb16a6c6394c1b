"""The limiter of how often something may happen: login attempts, requests of programs, calls to AWS.

It counts in Redis for all processes, or in this one while Redis is unavailable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from deployments.common.limit_counters import Counters, MemoryCounters, RedisCounters, Taken
from deployments.common.redis_fallback import Clock, Fallback
from deployments.common.rules.limit_kinds import Limit

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What is limited. `meanwhile` and `again` are logged when Redis is unavailable, and when it is back.

    `timeout`: seconds to wait for Redis. `alone`: the share of a rate that one process uses without Redis.
    """

    prefix: str
    meanwhile: str
    again: str
    timeout: float
    alone: float = 1.0


class Limiter:
    """The shared counters, or this process's own while Redis is unavailable, or if it has no address."""

    def __init__(self, purpose: Purpose, url: str, clock: Clock | None = None) -> None:
        self.shared = RedisCounters(url, purpose.prefix, purpose.timeout, clock) if url else None
        self.own = MemoryCounters(clock or time.monotonic, purpose.alone)
        self.fallback = Fallback(purpose.meanwhile, purpose.again, clock or time.monotonic)

    def take(self, limits: Sequence[Limit], *, count: bool = True) -> Taken:
        """Count one if all limits allow it, or only look whether they do."""
        return self._do(lambda counters: counters.take(limits, count=count))

    def undo(self, limits: Sequence[Limit]) -> None:
        """Remove one: it is not to be counted."""
        self._do(lambda counters: counters.undo(limits))

    def forget(self, limits: Sequence[Limit]) -> None:
        """Remove all that is counted."""
        self._do(lambda counters: counters.forget(limits))

    def slow_down(self, limits: Sequence[Limit]) -> None:
        """Halve rates, which then recover; in both counters, whichever is used next."""
        self.own.slow_down(limits)
        if shared := self.shared:
            self.fallback.use(lambda: shared.slow_down(limits), lambda: None)

    def _do(self, action: Callable[[Counters], T]) -> T:
        if (shared := self.shared) is None:
            return action(self.own)
        return self.fallback.use(lambda: action(shared), lambda: action(self.own))


def limiter(purpose: Purpose, url: str) -> Limiter:
    """Return the limiter of this process, with one connection pool."""
    with _lock:  # with lru_cache alone, two threads may create two of them
        return _limiters(purpose, url)


_lock = threading.Lock()


@lru_cache(maxsize=16)
def _limiters(purpose: Purpose, url: str) -> Limiter:
    return Limiter(purpose, url)
