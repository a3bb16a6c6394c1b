"""Read the hints: one blocking Redis read per process, which reconnects by itself."""

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

from deployments.live.new_events import HINTS, Hint, hint

log = logging.getLogger(__name__)

BLOCK = 5.0
"""Seconds that one read waits for hints; then Redis returns an empty response."""
TIMEOUT = BLOCK + 5.0
"""Seconds without any response after which Redis counts as unavailable."""
PAUSE = 0.5
BEGINNING = "0-0"


async def follow(on_hint: Callable[[Hint], None], on_loss: Callable[[], None]) -> None:
    """Call `on_hint` for every hint, forever, and `on_loss` whenever hints may have been lost.

    Hints from before the connection are not read: `on_loss` is called instead.
    """
    down = False
    while True:
        try:
            async with _connect() as client:
                async with asyncio.timeout(TIMEOUT):
                    last = await _newest(client)
                down = _report(down, "")
                on_loss()
                while True:
                    async with asyncio.timeout(TIMEOUT):
                        last = await _read(client, last, on_hint, on_loss)
        except (RedisError, OSError) as exc:
            down = _report(down, str(exc) or type(exc).__name__)
        await asyncio.sleep(PAUSE)


def _connect() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=2,
        # The library limits sending with `wait_for`, which loses cancellations (see Channel.follow_row), and
        # `follow` would sometimes outlive the last viewer. So `follow` has timeouts itself.
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # the format of XREAD's response depends on it
    )


def _report(was_down: bool, error: str) -> bool:
    """Log each change between available and unavailable once. Return whether Redis is unavailable."""
    if error and not was_down:
        log.warning("Redis is unavailable; open pages poll the database every few seconds: %s", error)
    if was_down and not error:
        log.warning("Redis is available again")
    return bool(error)


async def _newest(client: Redis) -> str:
    """Return the id of the newest hint."""
    entries: Any = await client.xrevrange(HINTS, count=1)
    return entries[0][0].decode() if entries else BEGINNING


async def _read(
    client: Redis, last: str, on_hint: Callable[[Hint], None], on_loss: Callable[[], None]
) -> str:
    """Read once and return the id to continue from.

    After a response without hints, check whether Redis was emptied: its ids may then be older than `last`.
    """
    response: Any = await client.xread({HINTS: last}, count=500, block=int(BLOCK * 1000))
    if not response:
        newest = await _newest(client)
        if newest != last:
            on_loss()
        return newest
    for entry, fields in response[0][1]:
        last = entry.decode()
        if found := hint(fields):
            on_hint(found)
    return last
