"""Counters of login attempts: in Redis for all web processes, or in this process while Redis is unavailable.

An attempt is counted before the password is checked, in one atomic step with the check whether it is allowed:
many simultaneous attempts cannot exceed the rules.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from django.conf import settings

from deployments.common.redis_fallback import NOW, Clock, Fallback, connect, time_of
from portal.login.rules import Backoff, Rate, Rule

T = TypeVar("T")
PREFIX = "sanso:login:"
TIMEOUT = 1.0
"""Timeout of Redis in seconds; a user waits for it."""
MAX_KEYS = 50_000
"""Maximum number of keys in one process while Redis is unavailable; the oldest are removed first."""

NOTHING = 0.001
"""A shorter wait, in seconds, is a rounding error."""

# Redis hashes: `failures` and `until` of a Backoff; `full_at` of a Rate: when all of its attempts are
# available again. Each rule has five arguments, after the time.
_COMMON = (
    NOW
    + """
local function read(key, name) return tonumber(redis.call('HGET', key, name) or 0) end
local function write(key, name, at) redis.call('HSET', key, name, string.format('%.6f', at)) end
local function is_rate(i) return ARGV[5 * i - 3] == 'rate' end
local function number(i, n) return tonumber(ARGV[5 * i - 3 + n]) end
local function fill(key, full_at)
  write(key, 'full_at', full_at)
  redis.call('EXPIRE', key, math.max(1, math.ceil(full_at - now)))
end
"""
)
_COUNT = (
    _COMMON
    + """
local function wait_of(key, i)
  if not is_rate(i) then return read(key, 'until') - now end
  local burst, every = number(i, 1), number(i, 2)
  return math.max(read(key, 'full_at'), now) - (burst - 1) * every - now
end
local function add(key, i)
  if is_rate(i) then
    fill(key, math.max(read(key, 'full_at'), now) + number(i, 2))
    return
  end
  local free, first, longest, kept = number(i, 1), number(i, 2), number(i, 3), number(i, 4)
  local failures = redis.call('HINCRBY', key, 'failures', 1)
  if failures >= free then
    write(key, 'until', now + math.min(longest, first * 2 ^ math.min(failures - free, 20)))
  end
  redis.call('EXPIRE', key, kept)
end
local wait = 0
for i, key in ipairs(KEYS) do wait = math.max(wait, wait_of(key, i)) end
if wait > 0.001 then return string.format('%.6f', wait) end
for i, key in ipairs(KEYS) do add(key, i) end
return '0'
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


class Counting(Protocol):
    """The interface of both counters. `count` returns the seconds to wait; if 0, the attempt is counted."""

    def count(self, rules: Sequence[Rule]) -> float: ...
    def undo(self, rules: Sequence[Rule]) -> None: ...
    def forget(self, rules: Sequence[Rule]) -> None: ...


class RedisCounters:
    """The counters of all web processes. Every method raises RedisError while Redis is unavailable."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self._clock = clock
        self._redis = connect(url, TIMEOUT, retries=1)
        self._count = self._redis.register_script(_COUNT)
        self._undo = self._redis.register_script(_UNDO)

    def count(self, rules: Sequence[Rule]) -> float:
        """Count an attempt if all rules allow it; return 0, or else the seconds to wait."""
        return float(self._run(self._count, rules))

    def undo(self, rules: Sequence[Rule]) -> None:
        """Remove one attempt: it was not a failure."""
        self._run(self._undo, rules)

    def forget(self, rules: Sequence[Rule]) -> None:
        """Remove all attempts."""
        if rules:
            self._redis.delete(*(PREFIX + rule.key for rule in rules))

    def _run(self, script: Any, rules: Sequence[Rule]) -> Any:
        numbers = [number for rule in rules for number in _numbers(rule)]
        return script(keys=[PREFIX + rule.key for rule in rules], args=[time_of(self._clock), *numbers])


def _numbers(rule: Rule) -> tuple[str | float, ...]:
    if isinstance(rule, Rate):
        return "rate", rule.burst, rule.every, 0, 0
    return "backoff", rule.free, rule.first, rule.longest, rule.kept


@dataclass(slots=True)
class _Count:
    """The fields of one key, of both kinds, as in Redis."""

    failures: int = 0
    until: float = 0.0
    full_at: float = 0.0
    kept_until: float = 0.0


@dataclass(slots=True)
class MemoryCounters:
    """The counters of this process only."""

    clock: Clock = time.monotonic
    size: int = MAX_KEYS
    _counts: OrderedDict[str, _Count] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, rules: Sequence[Rule]) -> float:
        """Count an attempt if all rules allow it; return 0, or else the seconds to wait."""
        with self._lock:
            now = self.clock()
            found = [(rule, self._of(rule, now)) for rule in rules]
            wait = max((_wait(rule, count, now) for rule, count in found), default=0.0)
            if wait > NOTHING:
                return wait
            for rule, count in found:
                _add(rule, count, now)
            return 0.0

    def undo(self, rules: Sequence[Rule]) -> None:
        """Remove one attempt: it was not a failure."""
        with self._lock:
            now = self.clock()
            for rule in rules:
                count = self._of(rule, now)
                count.failures, count.until = max(0, count.failures - 1), 0.0
                count.full_at -= rule.every if isinstance(rule, Rate) else 0.0

    def forget(self, rules: Sequence[Rule]) -> None:
        """Remove all attempts."""
        with self._lock:
            for rule in rules:
                self._counts.pop(rule.key, None)

    def _of(self, rule: Rule, now: float) -> _Count:
        count = self._counts.get(rule.key)
        if count is None or (isinstance(rule, Backoff) and count.kept_until < now):
            count = self._counts[rule.key] = _Count()
        self._counts.move_to_end(rule.key)
        while len(self._counts) > self.size:
            self._counts.popitem(last=False)
        return count


def _wait(rule: Rule, count: _Count, now: float) -> float:
    if isinstance(rule, Rate):
        return max(count.full_at, now) - (rule.burst - 1) * rule.every - now
    return count.until - now


def _add(rule: Rule, count: _Count, now: float) -> None:
    if isinstance(rule, Rate):
        count.full_at = max(count.full_at, now) + rule.every
        return
    count.failures += 1
    count.kept_until = now + rule.kept
    if seconds := rule.wait_after(count.failures):
        count.until = now + seconds


@dataclass(slots=True)
class Counters:
    """The shared counters, or this process's own while Redis is unavailable."""

    shared: Counting
    own: Counting = field(default_factory=MemoryCounters)
    clock: Clock = time.monotonic
    _fallback: Fallback = field(init=False)

    def __post_init__(self) -> None:
        meanwhile = "this process counts failed logins by itself"
        self._fallback = Fallback(meanwhile, "failed logins are counted for all processes", self.clock)

    def count(self, rules: Sequence[Rule]) -> float:
        """Count an attempt if all rules allow it; return 0, or else the seconds to wait."""
        return self._do(lambda counters: counters.count(rules))

    def undo(self, rules: Sequence[Rule]) -> None:
        """Remove one attempt: it was not a failure."""
        self._do(lambda counters: counters.undo(rules))

    def forget(self, rules: Sequence[Rule]) -> None:
        """Remove all attempts."""
        self._do(lambda counters: counters.forget(rules))

    def _do(self, action: Callable[[Counting], T]) -> T:
        return self._fallback.use(lambda: action(self.shared), lambda: action(self.own))


def counters() -> Counters:
    """Return the counters of this process, with one connection pool."""
    with _lock:  # with lru_cache alone, two threads may create two of them
        return _counters(settings.REDIS_URL)


_lock = threading.Lock()


@lru_cache(maxsize=1)
def _counters(url: str) -> Counters:
    return Counters(RedisCounters(url))
