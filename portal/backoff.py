"""Slows down who guesses passwords: after five failures each next try waits longer, up to 15 minutes.

Counted in Redis for a user name from one address, shared by all web processes. A Redis that is away counts
nothing: then nobody is kept out, least of all the operator who has to mend it.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from functools import lru_cache

import redis
from django.conf import settings
from django.http import HttpRequest

log = logging.getLogger(__name__)

FREE_FAILURES = 5
FIRST_WAIT = 5
LONGEST_WAIT = 900
REMEMBERED = 24 * 3600
"""Seconds: how long failures are counted together."""


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)


def wait_after(failures: int) -> int:
    """Return the seconds to wait before the next try: none at first, then doubling from 5 s to 15 min."""
    if failures < FREE_FAILURES:
        return 0
    return int(min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - FREE_FAILURES, 20)))


def _keys(request: HttpRequest, username: str) -> tuple[str, str]:
    """Return the keys of the count and of the wait. A digest: what people type may be a password."""
    folded = unicodedata.normalize("NFKC", username).casefold()
    who = f"{request.META.get('REMOTE_ADDR', '')}|{folded}"
    digest = hashlib.blake2b(who.encode(errors="replace"), key=_secret(), digest_size=16).hexdigest()
    return f"sanso:login:{digest}:failures", f"sanso:login:{digest}:wait"


def _secret() -> bytes:
    return hashlib.sha256(settings.SECRET_KEY.encode()).digest()


def seconds_to_wait(request: HttpRequest, username: str) -> int:
    """Return how long this user name from this address must wait before it is tried again."""
    try:
        return max(0, int(_client().ttl(_keys(request, username)[1])))
    except redis.RedisError as exc:
        log.warning("log-ins are not slowed down while Redis is away: %s", exc)
        return 0


def failed(request: HttpRequest, username: str) -> None:
    """Count a failure."""
    count, wait = _keys(request, username)
    try:
        failures = int(_client().incr(count))
        _client().expire(count, REMEMBERED)
        if seconds := wait_after(failures):
            _client().set(wait, 1, ex=seconds)
    except redis.RedisError as exc:
        log.warning("a failed log-in was not counted: %s", exc)


def succeeded(request: HttpRequest, username: str) -> None:
    """Forget the failures."""
    try:
        _client().delete(*_keys(request, username))
    except redis.RedisError as exc:
        log.warning("failed log-ins were not forgotten: %s", exc)
