"""One hub a process: a room for each watched deployment, one reader of hints, viewers woken together.

Correct because what a viewer gets depends on the number it has and on the database alone: a hint only
makes a room look at once. A room looks every few seconds without one, too, so that everything works,
slower, without Redis.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.db import Error

from deployments.events import Hint
from deployments.live import hints, reads, stopping
from deployments.live.admission import Admission, Limits
from deployments.live.coalesced import CoalescedResults
from deployments.live.reads import Snapshot
from deployments.live.streams import OpenStreams

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""Seconds after which a room looks at the database without a hint."""
COALESCE = 0.25
"""Seconds between two looks: viewers hear at most four times a second, all of them at the same numbers."""
EXPORTS = Limits(session=3, user=6, process=30)
"""Files under way. One that nobody reads keeps a batch of a megabyte, and a thread, until it is closed."""
FRAMES_KEPT = 16
"""Frames of one room: most viewers stand at the same number, a few catch up."""


class Channel:
    """The viewers of one deployment in this process, and where the deployment stands."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.viewers = 0
        self.snapshot: Snapshot | None = None
        self.gone = False
        self.frames: CoalescedResults[Any, Any] = CoalescedResults(FRAMES_KEPT)
        self.news = asyncio.Event()
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """Have the database looked at soon."""
        self._wanted.set()

    def wake(self) -> None:
        """Wake every viewer. Who takes `news` before looking misses nothing."""
        self.news, old = asyncio.Event(), self.news
        old.set()

    async def follow_row(self) -> None:
        """Follow the deployment's row until cancelled. `asyncio.timeout` on purpose: on Python 3.11
        `wait_for` swallows a cancellation now and then (bpo-42130), and a viewer would leak.
        """
        while not self.gone:
            self._wanted.clear()
            try:
                self._put(await reads.in_thread(reads.snapshot, self.pk))
            except Error as exc:
                log.warning("deployment %s cannot be looked at: %s", self.pk, exc)
            await asyncio.sleep(COALESCE)
            try:
                async with asyncio.timeout(POLL_SECONDS - COALESCE):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    def _put(self, snapshot: Snapshot | None) -> None:
        before, self.snapshot = self.snapshot, snapshot or self.snapshot
        self.gone = snapshot is None
        if before is None or snapshot is None or before.is_news_to != snapshot.is_news_to:
            self.wake()


class Broadcaster:
    """The rooms of one event loop. Tasks run only while somebody watches."""

    def __init__(self) -> None:
        self.closing = False
        self.streams = OpenStreams(on_end=self._wake_all)
        self.exports = Admission(lambda: EXPORTS)
        self._rooms: dict[int, tuple[Channel, asyncio.Task[None]]] = {}
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def room(self, pk: int) -> AsyncIterator[Channel]:
        """Give the deployment's room for as long as the viewer stays."""
        room = self._enter(pk)
        try:
            yield room
        finally:
            self._leave(room)

    @property
    def viewers(self) -> int:
        """Return how many viewers there are in all rooms."""
        return sum(room.viewers for room, _ in self._rooms.values())

    def close(self) -> None:
        """Let every viewer go: the process is about to stop."""
        self.closing = True
        self._wake_all()

    def _enter(self, pk: int) -> Channel:
        if self._reader is None:
            self._reader = asyncio.create_task(hints.follow(self._hear, self._look_everywhere))
        if pk not in self._rooms:
            room = Channel(pk)
            self._rooms[pk] = room, asyncio.create_task(room.follow_row())
        room = self._rooms[pk][0]
        room.viewers += 1
        return room

    def _leave(self, room: Channel) -> None:
        room.viewers -= 1
        if room.viewers == 0:
            _, task = self._rooms.pop(room.pk)
            task.cancel()
        if not self._rooms and self._reader:
            self._reader.cancel()
            self._reader = None

    def _hear(self, hint: Hint) -> None:
        room, _ = self._rooms.get(hint.deployment, (None, None))
        if room and (room.snapshot is None or hint.seq > room.snapshot.seq):
            room.look()

    def _look_everywhere(self) -> None:
        for room, _ in self._rooms.values():
            room.look()

    def _wake_all(self) -> None:
        for room, _ in self._rooms.values():
            room.wake()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Broadcaster] = WeakKeyDictionary()


def current() -> Broadcaster:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        hub = _hubs[loop] = Broadcaster()
        stopping.before_stop(loop, hub.close)
    return _hubs[loop]
