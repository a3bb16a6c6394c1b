"""The counters of a limiter: in Redis, with the algorithm of `rules/limit_kinds.py`, and in one process.

Something is counted in one atomic step with the check whether all of its limits allow it: much that happens
at once cannot exceed them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from deployments.common.redis_fallback import NOW, Clock, connect, time_of
from deployments.common.rules.limit_kinds import (
    LATEST_RETRY,
    MIN_SHARE,
    RECOVERY,
    ROUNDING,
    SAME_MOMENT,
    Backoff,
    Count,
    Limit,
    Rate,
)

MAX_KEYS = 50_000
"""Maximum number of keys in one process while Redis is unavailable; the oldest are removed first."""
KEPT = 300
"""Seconds for which Redis keeps a rate at least: one that was slowed down has recovered by then."""


class Taken(NamedTuple):
    """Whether something is allowed, and in how many seconds to do it or to try again.

    `full_in`: for each limit, the seconds until all of its burst is available again; 0 for a backoff.
    """

    allowed: bool
    wait: float
    full_in: Sequence[float] = ()


# Hashes with the fields of `Count`, and the same algorithm; each limit has five arguments, after the time and
# whether to count.
_COMMON = (
    NOW
    + f"local ROUNDING, RECOVERY, MIN_SHARE = {ROUNDING}, {RECOVERY}, {MIN_SHARE}\n"
    + f"local SAME_MOMENT, LATEST_RETRY, KEPT = {SAME_MOMENT}, {LATEST_RETRY}, {KEPT}\n"
    + """
local function read(key, name) return tonumber(redis.call('HGET', key, name) or 0) end
local function write(key, name, at) redis.call('HSET', key, name, string.format('%.6f', at)) end
local function is_rate(i) return ARGV[5 * i - 2] == 'rate' end
local function number(i, n) return tonumber(ARGV[5 * i - 2 + n]) end
local function keep(key, seconds) redis.call('EXPIRE', key, math.ceil(math.max(KEPT, seconds))) end
local function share_of(key)
  local share = tonumber(redis.call('HGET', key, 'share') or 1)
  return math.min(1, share + math.max(0, now - read(key, 'share_at')) * RECOVERY)
end
local function length(key, i) return number(i, 2) / share_of(key) end
local function fill(key, full_at)
  write(key, 'full_at', full_at)
  keep(key, full_at - now)
end
"""
)
_TAKE = (
    _COMMON
    + """
local function max_wait(i) return is_rate(i) and number(i, 3) or 0 end
local function wait_of(key, i)
  if not is_rate(i) then return read(key, 'until') - now end
  local burst = math.max(1, math.floor(number(i, 1) * share_of(key)))
  local ahead = burst - 1 - number(i, 4) * math.floor(burst / 2)
  return math.max(read(key, 'full_at'), now) - ahead * length(key, i) - now
end
local function add(key, i)
  if is_rate(i) then
    fill(key, math.max(read(key, 'full_at'), now) + length(key, i))
    return
  end
  local free, first, longest, kept = number(i, 1), number(i, 2), number(i, 3), number(i, 4)
  local failures = redis.call('HINCRBY', key, 'failures', 1)
  if failures >= free then
    write(key, 'until', now + math.min(longest, first * 2 ^ math.min(failures - free, 20)))
  end
  redis.call('EXPIRE', key, kept)
end
local function retry_in(key, i, wait)
  if not is_rate(i) or number(i, 4) == 0 then return wait end
  local later = math.min(math.max(read(key, 'later'), now + wait) + length(key, i), now + LATEST_RETRY)
  write(key, 'later', later)
  keep(key, read(key, 'full_at') - now)
  return later - now
end
local allowed, waits, found = 1, {}, {}
for i, key in ipairs(KEYS) do
  waits[i] = math.max(0, wait_of(key, i))
  if waits[i] > max_wait(i) + ROUNDING then allowed = 0 end
end
local wait = 0
for i, key in ipairs(KEYS) do
  if ARGV[2] == '1' and allowed == 1 then add(key, i) end
  if allowed == 0 then waits[i] = retry_in(key, i, waits[i]) end
  wait = math.max(wait, waits[i])
  found[i] = string.format('%.6f', is_rate(i) and math.max(0, read(key, 'full_at') - now) or 0)
end
return {allowed, string.format('%.6f', wait), unpack(found)}
"""
)
_UNDO = (
    _COMMON
    + """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    if is_rate(i) then
      fill(key, read(key, 'full_at') - number(i, 2))
    else
      redis.call('HSET', key, 'failures', math.max(0, read(key, 'failures') - 1), 'until', 0)
    end
  end
end
"""
)
_SLOW_DOWN = (
    _COMMON
    + """
for i, key in ipairs(KEYS) do
  if now - read(key, 'share_at') >= SAME_MOMENT then
    write(key, 'share', math.max(MIN_SHARE, share_of(key) / 2))
    write(key, 'share_at', now)
    keep(key, read(key, 'full_at') - now)
  end
end
"""
)


class RedisCounters:
    """The counters of all processes. Every method raises RedisError while Redis is unavailable."""

    def __init__(self, url: str, prefix: str, timeout: float, clock: Clock | None = None) -> None:
        self.prefix, self.clock = prefix, clock
        self.redis = connect(url, timeout, retries=1)
        self._take, self._undo, self._slow_down = map(self.redis.register_script, (_TAKE, _UNDO, _SLOW_DOWN))

    def take(self, limits: Sequence[Limit], *, count: bool = True) -> Taken:
        """Count one if all limits allow it, or only look."""
        allowed, wait, *full_in = self._run(self._take, limits, count=count)
        return Taken(bool(allowed), float(wait), [float(seconds) for seconds in full_in])

    def undo(self, limits: Sequence[Limit]) -> None:
        """Remove one: it is not to be counted."""
        self._run(self._undo, limits)

    def forget(self, limits: Sequence[Limit]) -> None:
        """Remove all that is counted."""
        if limits:
            self.redis.delete(*(self.prefix + limit.key for limit in limits))

    def slow_down(self, limits: Sequence[Limit]) -> None:
        """Halve rates, which then recover."""
        self._run(self._slow_down, limits)

    def _run(self, script: Any, limits: Sequence[Limit], *, count: bool = True) -> Any:
        numbers = [number for limit in limits for number in _numbers(limit)]
        keys = [self.prefix + limit.key for limit in limits]
        return script(keys=keys, args=[time_of(self.clock), int(count), *numbers])


def _numbers(limit: Limit) -> tuple[str | float, ...]:
    if isinstance(limit, Rate):
        return "rate", limit.burst, limit.every, limit.max_wait, int(limit.background)
    return "backoff", limit.free, limit.first, limit.longest, limit.kept


@dataclass(slots=True)
class MemoryCounters:
    """The counters of this process only."""

    clock: Clock = time.monotonic
    alone: float = 1.0
    size: int = MAX_KEYS
    _counts: OrderedDict[str, Count] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, limits: Sequence[Limit], *, count: bool = True) -> Taken:
        """Count one if all limits allow it, or only look."""
        with self._lock:
            now = self.clock()
            found = [(self._alone(limit), self._of(limit, now)) for limit in limits]
            waits = [max(0.0, one.wait(limit, now)) for limit, one in found]
            allowed = all(
                wait <= limit.max_wait + ROUNDING for wait, limit in zip(waits, limits, strict=True)
            )
            if not allowed:
                waits = [
                    one.retry_in(limit, now, wait) for wait, (limit, one) in zip(waits, found, strict=True)
                ]
            for limit, one in found if allowed and count else ():
                one.add(limit, now)
            return Taken(
                allowed, max(waits, default=0.0), [max(0.0, one.full_at - now) for _limit, one in found]
            )

    def undo(self, limits: Sequence[Limit]) -> None:
        """Remove one: it is not to be counted."""
        self._each(limits, lambda limit, count, _now: count.undo(limit))

    def forget(self, limits: Sequence[Limit]) -> None:
        """Remove all that is counted."""
        with self._lock:
            for limit in limits:
                self._counts.pop(limit.key, None)

    def slow_down(self, limits: Sequence[Limit]) -> None:
        """Halve rates, which then recover."""
        self._each(limits, lambda _limit, count, now: count.slow_down(now))

    def _each(self, limits: Sequence[Limit], do: Callable[[Limit, Count, float], None]) -> None:
        with self._lock:
            now = self.clock()
            for limit in limits:
                do(self._alone(limit), self._of(limit, now), now)

    def _alone(self, limit: Limit) -> Limit:
        if isinstance(limit, Backoff) or self.alone == 1:
            return limit
        return replace(limit, burst=limit.burst * self.alone, every=limit.every / self.alone)

    def _of(self, limit: Limit, now: float) -> Count:
        count = self._counts.get(limit.key)
        if count is None or count.kept_until < now:
            count = self._counts[limit.key] = Count()
        self._counts.move_to_end(limit.key)
        while len(self._counts) > self.size:
            self._counts.popitem(last=False)
        return count


Counters = RedisCounters | MemoryCounters
