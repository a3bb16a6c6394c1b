"""Reading the hints: one blocking Redis read a process, which heals by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from deployments.events import HINTS, Hint, hint

log = logging.getLogger(__name__)

BLOCK = 5.0
"""Seconds that one read waits for hints; Redis answers with nothing afterwards."""
PATIENCE = BLOCK + 5.0
"""Seconds after which a Redis that does not answer at all counts as gone."""
PAUSE = 0.5
BEGINNING = "0-0"


async def follow(hear: Callable[[Hint], None], missed: Callable[[], None]) -> None:
    """Call `hear` for every hint, for ever; `missed` whenever hints may have been lost.

    Nothing that was announced before a connection stood is read: `missed` is called instead, and the
    database knows.
    """
    down = False
    while True:
        try:
            async with _connect() as client:
                async with asyncio.timeout(PATIENCE):
                    last = await _newest(client)
                down = _report(down, "")
                missed()
                while True:
                    async with asyncio.timeout(PATIENCE):
                        last = await _read(client, last, hear, missed)
        except (RedisError, OSError) as exc:
            down = _report(down, str(exc) or type(exc).__name__)
        await asyncio.sleep(PAUSE)


def _connect() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=2,
        # The library bounds sending by `wait_for`, which loses cancellations (see Room.follow_row), and
        # `follow` would outlive the last viewer now and then. So `follow` bounds its reads itself.
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # the shape of XREAD's answer depends on it
    )


def _report(was_down: bool, error: str) -> bool:
    """Log that Redis went or came back, once each. Return whether it is down."""
    if error and not was_down:
        log.warning("Redis is away, open pages look at the database every few seconds: %s", error)
    if was_down and not error:
        log.warning("Redis is back")
    return bool(error)


async def _newest(client: Redis) -> str:
    """Return the id of the newest hint."""
    entries: Any = await client.xrevrange(HINTS, count=1)
    return entries[0][0].decode() if entries else BEGINNING


async def _read(client: Redis, last: str, hear: Callable[[Hint], None], missed: Callable[[], None]) -> str:
    """Read once and return the id to go on from.

    An answer without hints is the moment to see whether Redis was emptied: its ids can then be older than
    the one that is waited for.
    """
    answer: Any = await client.xread({HINTS: last}, count=500, block=int(BLOCK * 1000))
    if not answer:
        newest = await _newest(client)
        if newest != last:
            missed()
        return newest
    for entry, fields in answer[0][1]:
        last = entry.decode()
        if said := hint(fields):
            hear(said)
    return last
