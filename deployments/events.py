"""Telling open pages that a deployment has news. A hint through Redis: the database is the truth."""

from __future__ import annotations

import logging
from functools import lru_cache

import redis
from django.conf import settings

log = logging.getLogger(__name__)

HINTS = "sanso:hints"
KEPT = 5000
"""How many hints the stream keeps; without a limit it would grow for ever."""


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, decode_responses=True
    )


def announce(deployment_pk: int, seq: int) -> None:
    """Say that the deployment's events go up to `seq` now. A Redis that is away is no error."""
    try:
        _client().xadd(HINTS, {"d": deployment_pk, "s": seq}, maxlen=KEPT, approximate=True)
    except redis.RedisError as exc:
        log.debug("no hint about deployment %s: %s", deployment_pk, exc)
