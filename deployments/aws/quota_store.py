"""The token buckets of the API quota, in Redis, or in this process while Redis is unavailable.

A bucket is stored as the time at which it would be full again ("tat", theoretical arrival time): a call moves
it forward by the length of one call (the generic cell rate algorithm). A call that may wait is queued by
moving it into the future, so that no call overtakes another and no two calls have the same time.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from deployments.common.redis_fallback import NOW, Clock, Fallback, connect, time_of

PREFIX = "sanso:aws-budget:"
EXPIRY = 24 * 3600
"""Seconds until the counters of an account expire after its last call."""
TIMEOUT = 0.5
"""Timeout of Redis in seconds; a call to AWS waits for it."""
LOCAL_SHARE = 0.25
"""The share of the rate that one process uses without Redis: four such processes stay within the rate."""

# How a throttled bucket recovers: by a tenth of the full rate each 20 s, so from a half in 100 s and from the
# minimum in about three minutes.
STEP, STEP_SECONDS = 0.1, 20.0
MIN_RATE = 1 / 16
SAME_THROTTLING = 2.0
"""Throttled calls within this many seconds count as one: they were in flight at the same time."""

_COMMON = (
    NOW
    + """
local function read(name, default) return tonumber(redis.call('HGET', KEYS[1], name) or default) end
local function write(name, value) redis.call('HSET', KEYS[1], name, string.format('%.6f', value)) end
local share_at = read('share_at', now)
local steps = math.max(0, now - share_at) / tonumber(ARGV[2])
local share = math.min(1, read('share', 1) + steps * tonumber(ARGV[3]))
"""
)
_TAKE = (
    _COMMON
    + """
local rate, max_wait, watched = share * tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local reading, action, expiry = ARGV[7] == '1', ARGV[8], tonumber(ARGV[9])
local function count(kind)
  local minute = math.floor(now / 60)
  local known = read('minute', minute)
  if known ~= minute then
    redis.call('HSET', KEYS[1], 'previous', known == minute - 1 and read('this', 0) or 0, 'this', 0)
  end
  redis.call('HSET', KEYS[1], 'minute', minute)
  if kind == 'reads' then redis.call('HINCRBY', KEYS[1], 'this', 1) end
  redis.call('HINCRBY', KEYS[1], kind, 1)
  redis.call('HINCRBY', KEYS[1], 'calls:' .. action, 1)
end
redis.call('SADD', KEYS[2], ARGV[10])
redis.call('EXPIRE', KEYS[1], expiry)
redis.call('EXPIRE', KEYS[2], expiry)
if not reading then
  count('writes')
  return {1, '0'}
end
local length = 1 / rate
local burst = math.max(1, math.floor(rate))
local tat = math.max(read('tat', now), now)
local ahead = burst - 1
if not watched then
  ahead = ahead - math.floor(burst / 2)
  max_wait = 0
end
local wait = math.max(0, tat - ahead * length - now)
if wait > max_wait + 0.000001 then
  redis.call('HINCRBY', KEYS[1], 'refused', 1)
  if not watched then
    -- Each rejected call gets a later time than the one before, so that they do not all try again at once.
    local later = math.max(read('later', now), now + wait) + length
    later = math.min(later, now + 60)
    write('later', later)
    wait = later - now
  end
  return {0, string.format('%.6f', wait)}
end
write('tat', tat + length)
count('reads')
return {1, string.format('%.6f', wait)}
"""
)
_THROTTLED = (
    _COMMON
    + """
redis.call('HINCRBY', KEYS[1], 'throttles', 1)
if redis.call('HEXISTS', KEYS[1], 'share_at') == 0 or now - share_at >= tonumber(ARGV[4]) then
  write('share', math.max(tonumber(ARGV[5]), share / 2))
  write('share_at', now)
end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[6]))
return 1
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call that is about to be made."""

    account: str
    service: str
    action: str
    rate: float
    reading: bool
    watched: bool
    max_wait: float


class RedisBuckets:
    """The buckets that all workers share. Every method raises RedisError while Redis is unavailable."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self._clock = clock
        self._redis = connect(url, TIMEOUT, retries=1)
        self._take = self._redis.register_script(_TAKE)
        self._throttled = self._redis.register_script(_THROTTLED)

    def take(self, request: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds to make it or to try again."""
        result: Any = self._take(
            keys=[_bucket(request.account, request.service), PREFIX + request.account],
            args=[
                time_of(self._clock),
                STEP_SECONDS,
                STEP,
                request.rate,
                request.max_wait,
                int(request.watched),
                int(request.reading),
                request.action,
                EXPIRY,
                request.service,
            ],
        )
        return bool(result[0]), float(result[1])

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service that AWS throttled."""
        self._throttled(
            keys=[_bucket(account, service)],
            args=[time_of(self._clock), STEP_SECONDS, STEP, SAME_THROTTLING, MIN_RATE, EXPIRY],
        )

    def read(self, account: str) -> tuple[float, dict[str, dict[str, str]]]:
        """Return the current time and the counters of each service."""
        services: Any = self._redis.smembers(PREFIX + account)
        pipeline = self._redis.pipeline(transaction=False)
        for service in sorted(services):
            pipeline.hgetall(_bucket(account, service))
        seconds, micros = self._redis.time()
        now = self._clock() if self._clock else seconds + micros / 1e6
        return now, dict(zip(sorted(services), pipeline.execute(), strict=True))


def _bucket(account: str, service: str) -> str:
    return f"{PREFIX}{account}:{service}"


@lru_cache(maxsize=8)
def shared(url: str) -> RedisBuckets:
    """Return the buckets at a URL, with one connection pool per process."""
    return RedisBuckets(url)


@dataclass(slots=True)
class LocalBuckets:
    """The buckets of this process only, with a share of the rate. Its calls are not counted in Redis."""

    clock: Clock = time.monotonic
    _full_at: dict[tuple[str, str], float] = field(default_factory=dict)
    _halved_until: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds to make it or to try again."""
        if not request.reading:
            return True, 0.0
        key = request.account, request.service
        with self._lock:
            now = self.clock()
            halved = self._halved_until.get(key, now) > now
            length = 1 / (request.rate * LOCAL_SHARE * (0.5 if halved else 1.0))
            tat = max(self._full_at.get(key, now), now)
            wait = tat - now
            if wait > (request.max_wait if request.watched else 0.0):
                return False, wait
            self._full_at[key] = tat + length
        return True, wait

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service for as long as the shared one takes to recover."""
        with self._lock:
            self._halved_until[account, service] = self.clock() + STEP_SECONDS * 0.5 / STEP


@dataclass(slots=True)
class Buckets:
    """The shared buckets, or this process's own while Redis is unavailable."""

    shared: RedisBuckets | None
    local: LocalBuckets = field(default_factory=LocalBuckets)
    clock: Clock = time.monotonic
    _fallback: Fallback = field(init=False)

    def __post_init__(self) -> None:
        meanwhile, again = "this process uses an API quota of its own", "the API quota is shared again"
        self._fallback = Fallback(meanwhile, again, self.clock)

    def take(self, request: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds to make it or to try again."""
        if (shared := self.shared) is None:
            return self.local.take(request)
        return self._fallback.use(lambda: shared.take(request), lambda: self.local.take(request))

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service that AWS throttled."""
        self.local.throttled(account, service)
        if shared := self.shared:
            self._fallback.use(lambda: shared.throttled(account, service), lambda: None)
