"""Telling open pages that a deployment has news: a hint through Redis, while the database is the truth.

`announce` writes hints; `deployments.live.hints` reads them. A hint may be lost, doubled or late.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

HINTS = "sanso:hints"
KEPT = 5000
"""How many hints the stream keeps; without a limit it would grow for ever."""
SILENCE = 3.0
"""Seconds without another try after Redis did not answer: a frozen one costs each try its time-out."""

_silent_until = 0.0


class Hint(NamedTuple):
    """What one entry of the stream says: the deployment's events go up to this number."""

    deployment: int
    seq: int


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def announce(deployment_pk: int, seq: int) -> None:
    """Say that the deployment's events go up to `seq` now. A Redis that is away is no error."""
    global _silent_until  # one switch a process, like the client it guards
    if time.monotonic() < _silent_until:
        return
    try:
        _client().xadd(HINTS, {"d": deployment_pk, "s": seq}, maxlen=KEPT, approximate=True)
    except redis.RedisError as exc:
        _silent_until = time.monotonic() + SILENCE
        log.warning("no hints about deployments for %.0f s, pages ask the database: %s", SILENCE, exc)


def hint(fields: Mapping[bytes, bytes]) -> Hint | None:
    """Return what an entry of the stream says, None if it is not one of ours."""
    try:
        return Hint(int(fields[b"d"]), int(fields[b"s"]))
    except (KeyError, ValueError):
        return None
