"""Notify open pages of new events of a deployment, through Redis; the database is the source of truth.

`announce` writes notifications ("hints"); `deployments.live.hints` reads them. A hint may be lost, late or a
duplicate.
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
MAX_HINTS = 5000
"""Maximum number of hints in the stream; without a limit it would grow forever."""
PAUSE = 3.0
"""Seconds without another try after Redis did not respond: if it hangs, each try takes its whole timeout."""

_paused_until = 0.0


class Hint(NamedTuple):
    """One entry of the stream: the number of the deployment's latest event."""

    deployment: int
    seq: int


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def announce(deployment_pk: int, seq: int) -> None:
    """Notify pages that `seq` is the deployment's latest event. If Redis is unavailable, do nothing."""
    global _paused_until  # one per process, like the client
    if time.monotonic() < _paused_until:
        return
    try:
        _client().xadd(HINTS, {"d": deployment_pk, "s": seq}, maxlen=MAX_HINTS, approximate=True)
    except redis.RedisError as exc:
        _paused_until = time.monotonic() + PAUSE
        log.warning("no hints about deployments for %.0f s, pages poll the database: %s", PAUSE, exc)


def hint(fields: Mapping[bytes, bytes]) -> Hint | None:
    """Return an entry of the stream as a hint, None if it has another format."""
    try:
        return Hint(int(fields[b"d"]), int(fields[b"s"]))
    except (KeyError, ValueError):
        return None
