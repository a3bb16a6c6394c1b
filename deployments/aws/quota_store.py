"""Where the token buckets of the AWS budget are kept: in Redis, or in this process while Redis is away.

The bucket is kept as the time at which it would be full again ("tat", theoretical arrival time): a call
moves it ahead by the length of one call (the generic cell rate algorithm). Who may wait takes a place in
the queue by moving it past the present, so that nobody overtakes and no two calls get the same place.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

Clock = Callable[[], float]
PREFIX = "sanso:aws-budget:"
KEPT = 24 * 3600
"""Seconds for which the counters of an account are kept after its last call."""
TIMEOUT = 0.5
"""Seconds that Redis has to answer, since a call to AWS waits meanwhile."""
PAUSE = 5.0
"""Seconds without a look at Redis after it did not answer."""
ALONE = 0.25
"""What one process takes of the rate while it cannot ask the others: four such processes stay within it."""

# What a throttled bucket comes back by: a tenth of the full rate each 20 s, so from a half in 100 s and
# from the least in about three minutes.
STEP, STEP_SECONDS = 0.1, 20.0
MIN_RATE = 1 / 16
SAME_THROTTLING = 2.0
"""Seconds in which several throttled calls count as one: they were all on their way already."""

_COMMON = """
local now = tonumber(ARGV[1])
if now == nil then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
local function read(name, default) return tonumber(redis.call('HGET', KEYS[1], name) or default) end
local function write(name, value) redis.call('HSET', KEYS[1], name, string.format('%.6f', value)) end
local share_at = read('share_at', now)
local steps = math.max(0, now - share_at) / tonumber(ARGV[2])
local share = math.min(1, read('share', 1) + steps * tonumber(ARGV[3]))
"""
_TAKE = (
    _COMMON
    + """
local rate, patience, watched = share * tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local reading, action, kept = ARGV[7] == '1', ARGV[8], tonumber(ARGV[9])
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
redis.call('EXPIRE', KEYS[1], kept)
redis.call('EXPIRE', KEYS[2], kept)
if not reading then
  count('writes')
  return {1, '0'}
end
local length = 1 / rate
local burst = math.max(1, math.floor(rate))
local tat = math.max(read('tat', now), now)
local room = burst - 1
if not watched then
  room = room - math.floor(burst / 2)
  patience = 0
end
local wait = math.max(0, tat - room * length - now)
if wait > patience + 0.000001 then
  redis.call('HINCRBY', KEYS[1], 'refused', 1)
  if not watched then
    -- Each that is sent away is told a later time than the one before: they do not all come back at once.
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
    patience: float


class RedisBuckets:
    """The buckets that all workers share. Every method raises RedisError while Redis is away."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self._clock = clock
        self._redis = Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
        self._take = self._redis.register_script(_TAKE)
        self._throttled = self._redis.register_script(_THROTTLED)

    def _now(self) -> str:
        """Return the time of the tests' clock; empty stands for Redis's own, the same for every machine."""
        return f"{self._clock():.6f}" if self._clock else ""

    def take(self, wish: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds (then, or to ask again)."""
        answer: Any = self._take(
            keys=[_bucket(wish.account, wish.service), PREFIX + wish.account],
            args=[
                self._now(),
                STEP_SECONDS,
                STEP,
                wish.rate,
                wish.patience,
                int(wish.watched),
                int(wish.reading),
                wish.action,
                KEPT,
                wish.service,
            ],
        )
        return bool(answer[0]), float(answer[1])

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service that AWS throttled."""
        self._throttled(
            keys=[_bucket(account, service)],
            args=[self._now(), STEP_SECONDS, STEP, SAME_THROTTLING, MIN_RATE, KEPT],
        )

    def read(self, account: str) -> tuple[float, dict[str, dict[str, str]]]:
        """Return the present time and what is kept of each service."""
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
    """Return the buckets at a URL, with one pool of connections a process."""
    return RedisBuckets(url)


@dataclass(slots=True)
class LocalBuckets:
    """The buckets of this process alone, with a share of the rate. Counts nothing that others could read."""

    clock: Clock = time.monotonic
    _full_at: dict[tuple[str, str], float] = field(default_factory=dict)
    _halved_until: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, wish: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds (then, or to ask again)."""
        if not wish.reading:
            return True, 0.0
        key = wish.account, wish.service
        with self._lock:
            now = self.clock()
            halved = self._halved_until.get(key, now) > now
            length = 1 / (wish.rate * ALONE * (0.5 if halved else 1.0))
            tat = max(self._full_at.get(key, now), now)
            wait = tat - now
            if wait > (wish.patience if wish.watched else 0.0):
                return False, wait
            self._full_at[key] = tat + length
        return True, wait

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service for as long as the shared one takes to recover."""
        with self._lock:
            self._halved_until[account, service] = self.clock() + STEP_SECONDS * 0.5 / STEP


@dataclass(slots=True)
class Buckets:
    """The shared buckets, or this process's own while Redis is away; the log says once which it is."""

    everyones: RedisBuckets | None
    local: LocalBuckets = field(default_factory=LocalBuckets)
    clock: Clock = time.monotonic
    _away_until: float = float("-inf")
    _away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, wish: CallRequest) -> tuple[bool, float]:
        """Return whether the call may be made, and in how many seconds (then, or to ask again)."""
        if self.everyones and self._may_ask():
            try:
                answer = self.everyones.take(wish)
            except RedisError as exc:
                self._report(str(exc) or type(exc).__name__)
            else:
                self._report("")
                return answer
        return self.local.take(wish)

    def throttled(self, account: str, service: str) -> None:
        """Halve the rate of a service that AWS throttled."""
        self.local.throttled(account, service)
        if self.everyones and self._may_ask():
            try:
                self.everyones.throttled(account, service)
            except RedisError as exc:
                self._report(str(exc) or type(exc).__name__)

    def _may_ask(self) -> bool:
        return self.clock() >= self._away_until

    def _report(self, error: str) -> None:
        if not error and not self._away:
            return
        with self._lock:
            if error:
                self._away_until = self.clock() + PAUSE
            if error and not self._away:
                log.warning("Redis is away, this process keeps an AWS budget of its own: %s", error)
            if self._away and not error:
                log.warning("Redis is back, and with it the shared AWS budget")
            self._away = bool(error)
