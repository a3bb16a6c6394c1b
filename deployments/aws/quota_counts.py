"""The calls to each account, counted in Redis by service and action, for the pages that show them."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from deployments.common.limit_counters import RedisCounters
from deployments.common.redis_fallback import NOW, time_of
from deployments.common.rules.limit_kinds import Count

EXPIRY = 24 * 3600
"""Seconds until the counts of an account expire after its last call."""
# The reads of a minute are in `this`, and those of the minute before in `previous`.
_COUNT = (
    NOW
    + """
local key, kind, action, service, expiry = KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local minute = math.floor(now / 60)
local known = tonumber(redis.call('HGET', key, 'minute') or minute)
if known ~= minute then
  local this = redis.call('HGET', key, 'this')
  redis.call('HSET', key, 'previous', known == minute - 1 and this or 0, 'this', 0)
end
redis.call('HSET', key, 'minute', minute)
if kind == 'reads' then redis.call('HINCRBY', key, 'this', 1) end
redis.call('HINCRBY', key, kind, 1)
if kind == 'reads' or kind == 'writes' then redis.call('HINCRBY', key, 'calls:' .. action, 1) end
redis.call('SADD', KEYS[2], service)
redis.call('EXPIRE', key, expiry)
redis.call('EXPIRE', KEYS[2], expiry)
"""
)


def count(counters: RedisCounters, account: str, service: str, kind: str, action: str) -> None:
    """Count a call of a kind: reads, writes, rejected or throttles.

    Raise RedisError if Redis is unavailable.
    """
    counters.redis.register_script(_COUNT)(
        keys=[_key(counters, account, service), counters.prefix + account],
        args=[time_of(counters.clock), kind, action, service, EXPIRY],
    )


def read(counters: RedisCounters, account: str) -> tuple[float, dict[str, tuple[dict[str, str], Count]]]:
    """Return the current time, and of each service its counts and what the limiter has of it."""
    services: Any = sorted(counters.redis.smembers(counters.prefix + account))
    pipeline = counters.redis.pipeline(transaction=False)
    for service in services:
        pipeline.hgetall(_key(counters, account, service))
        pipeline.hgetall(f"{counters.prefix}{account}:{service}")
    seconds, micros = counters.redis.time()
    now = counters.clock() if counters.clock else seconds + micros / 1e6
    rows = pipeline.execute()
    return now, {
        service: (row, Count.of(limited))
        for service, row, limited in zip(services, rows[::2], rows[1::2], strict=True)
    }


def last_minute(row: Mapping[str, str], now: float) -> float:
    """Estimate the reads in the past 60 s from this minute's and a share of the previous minute's."""
    minutes = floor(now / 60) - int(row.get("minute", 0))
    this, previous = int(row.get("this", 0)), int(row.get("previous", 0))
    part = 1 - now % 60 / 60
    if minutes == 0:
        return this + previous * part
    return this * part if minutes == 1 else 0.0


def _key(counters: RedisCounters, account: str, service: str) -> str:
    return f"{counters.prefix}{account}:{service}:calls"
