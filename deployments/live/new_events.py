"""Notify open pages of new events of a deployment, through Redis; the database is the source of truth.

`announce` writes notifications ("hints"); `deployments.live.hints` reads them. A hint may be lost, late or a
duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from redis import Redis

from deployments.common.redis_fallback import Fallback, connect

HINTS = "sanso:hints"
MAX_HINTS = 5000
"""Maximum number of hints in the stream; without a limit it would grow forever."""

_redis = Fallback("pages poll the database for new events", "pages are notified of new events", pause=3.0)


class Hint(NamedTuple):
    """One entry of the stream: the number of the deployment's latest event."""

    deployment: int
    seq: int


@lru_cache(maxsize=1)
def _client() -> Redis:
    return connect(settings.REDIS_URL, 1)


def announce(deployment_pk: int, seq: int) -> None:
    """Notify pages that `seq` is the deployment's latest event. If Redis is unavailable, do nothing."""
    _redis.use(lambda: _add({"d": deployment_pk, "s": seq}), lambda: None)


def _add(fields: dict[Any, Any]) -> None:
    _client().xadd(HINTS, fields, maxlen=MAX_HINTS, approximate=True)


def hint(fields: Mapping[bytes, bytes]) -> Hint | None:
    """Return an entry of the stream as a hint, None if it has another format."""
    try:
        return Hint(int(fields[b"d"]), int(fields[b"s"]))
    except (KeyError, ValueError):
        return None
