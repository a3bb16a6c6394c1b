"""Limits of what programs send in a minute.

A valid token is looked at first, and what else comes from its address never takes a request away from it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from deployments.common.client_address import network_of
from deployments.common.limiter import Purpose, limiter
from deployments.common.rules.limit_kinds import Rate

REQUESTS = Purpose(
    prefix="sanso:api:",
    meanwhile="this process counts API requests by itself",
    again="API requests are counted for all processes",
    timeout=0.5,
)
MINUTE = 60
TOKENS, WEBHOOKS = "wrong", "webhook"
"""What is counted of an address: requests with a wrong token or code, and with a wrong signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUsage:
    """How much of a limit is left. `reset`: the seconds until one more request is."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool

    def headers(self) -> dict[str, str]:
        """Return the headers of a response."""
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
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
    found = [_limit(kind, network_of(request), settings.SANSO_API_REQUESTS_PER_ADDRESS)]
    if given and has_token:
        found.append(_limit("token", given, settings.SANSO_API_REQUESTS_PER_TOKEN))
    elif given and (wrong := of_unproven(request)).is_exceeded:
        return wrong
    return _usage(found)


def of_unproven(request: HttpRequest, kind: str = TOKENS) -> LimitUsage:
    """Return how many further requests with a wrong token or signature the address of a request may send."""
    return _usage([_of_wrong(request, kind)], count=False)


def count_wrong(request: HttpRequest, kind: str = TOKENS) -> None:
    """Count a request with a wrong token or signature for its address."""
    _usage([_of_wrong(request, kind)])


def _of_wrong(request: HttpRequest, kind: str) -> Rate:
    return _limit(kind, network_of(request), settings.SANSO_API_WRONG_TOKENS)


def _limit(kind: str, what: str, limit: int) -> Rate:
    digest = hashlib.sha256(f"{settings.SECRET_KEY} {what}".encode(errors="replace")).hexdigest()[:32]
    return Rate(key=f"{kind}:{digest}", burst=limit, every=MINUTE / max(1, limit))


def _usage(limits: Sequence[Rate], *, count: bool = True) -> LimitUsage:
    taken = limiter(REQUESTS, settings.REDIS_URL).take(limits, count=count)
    found = [
        _usage_of(limit, full_in, is_exceeded=not taken.allowed)
        for limit, full_in in zip(limits, taken.full_in, strict=True)
    ]
    return min(found, key=lambda usage: usage.remaining)


def _usage_of(limit: Rate, full_in: float, *, is_exceeded: bool) -> LimitUsage:
    used = limit.used(full_in)
    return LimitUsage(
        limit=int(limit.burst),
        remaining=max(0, int(limit.burst) - used),
        reset=math.ceil(full_in - (used - 1) * limit.every),
        is_exceeded=is_exceeded,
    )
