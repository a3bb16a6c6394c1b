"""Limits of what programs send in a minute: counted in Redis, or in this process while it is away.

A valid token is looked at first, and what else comes from its address never takes a request away from it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from redis import Redis

from deployments.common.client_address import network_of
from deployments.common.redis_fallback import Fallback, connect

WINDOW = 60
"""Seconds in which requests are counted."""
TIMEOUT = 0.5
"""Seconds to wait for Redis."""
MAX_KEYS = 50_000
TOKENS, WEBHOOKS = "wrong", "webhook"
"""What is counted of an address: requests with a wrong token or code, and with a wrong signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUsage:
    """How much of a limit is used in this minute. `reset` is in seconds."""

    limit: int
    used: int
    reset: int

    @property
    def is_exceeded(self) -> bool:
        """Return whether the request is one too many."""
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """Return the headers of a response."""
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset),
        }
        return found | ({"Retry-After": str(self.reset)} if self.is_exceeded else {})


def of_request(request: HttpRequest, *, has_token: bool) -> LimitUsage:
    """Count a request, and return the usage that allows the fewest further ones: its address's or token's.

    Those with a valid token have a counter of the address of their own. Wrong tokens are counted as well
    (`count_wrong`), and far fewer of them are allowed.
    """
    given = request.headers.get("Authorization")
    kind = "address of tokens" if has_token else "address"
    found = [_counted(kind, network_of(request), settings.SANSO_API_REQUESTS_PER_ADDRESS)]
    if given and has_token:
        found.append(_counted("token", given, settings.SANSO_API_REQUESTS_PER_TOKEN))
    elif given and (wrong := of_unproven(request)).is_exceeded:
        return wrong
    return min(found, key=lambda usage: usage.limit - usage.used)


def of_unproven(request: HttpRequest, kind: str = TOKENS) -> LimitUsage:
    """Return how many requests with a wrong token or signature came from the address of a request.

    One that is refused because of them is one too many itself.
    """
    found = _counted(kind, network_of(request), settings.SANSO_API_WRONG_TOKENS, add=0)
    return LimitUsage(limit=found.limit, used=found.used + 1, reset=found.reset)


def count_wrong(request: HttpRequest, kind: str = TOKENS) -> None:
    """Count a request with a wrong token or signature for its address."""
    _counted(kind, network_of(request), settings.SANSO_API_WRONG_TOKENS)


def _counted(kind: str, what: str, limit: int, *, add: int = 1) -> LimitUsage:
    now = time.time()
    window, passed = divmod(int(now), WINDOW)
    digest = hashlib.sha256(f"{settings.SECRET_KEY} {what}".encode(errors="replace")).hexdigest()[:32]
    used = _counters(settings.REDIS_URL).add(f"sanso:api:{kind}:{digest}:{window}", add)
    return LimitUsage(limit=limit, used=used, reset=WINDOW - passed)


@dataclass(slots=True)
class _Counters:
    """Counters of all processes, or of this one while Redis does not respond."""

    redis: Redis
    own: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    fallback: Fallback = field(
        default_factory=lambda: Fallback(
            "this process counts API requests by itself", "API requests are counted for all processes"
        )
    )

    def add(self, key: str, number: int) -> int:
        """Add to a counter, and return its value."""
        return self.fallback.use(lambda: self._add_shared(key, number), lambda: self._add_own(key, number))

    def _add_shared(self, key: str, number: int) -> int:
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.incrby(key, number)
            pipeline.expire(key, 2 * WINDOW)
            used, _expires = pipeline.execute()
        return int(used)

    def _add_own(self, key: str, number: int) -> int:
        with self.lock:
            if len(self.own) >= MAX_KEYS:
                self.own.clear()
            self.own[key] = self.own.get(key, 0) + number
            return self.own[key]


@lru_cache(maxsize=1)
def _counters(url: str) -> _Counters:
    return _Counters(connect(url, TIMEOUT, retries=1))
