"""One broadcaster per process: a channel for each watched deployment, and one reader of hints for all.

A viewer's messages depend only on its last event number and the database: a hint only makes a channel poll
the database at once. A channel also polls every few seconds, so everything works without Redis, only slower.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error

from deployments.common.heartbeats import STREAMS
from deployments.live import hints, reads, stopping
from deployments.live.new_events import Hint
from deployments.live.reads import Snapshot
from deployments.live.streams import Admission, OpenStreams, StreamLimits

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class CoalescedResults(Generic[K, V]):
    """A small LRU cache of results by key, for one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: OrderedDict[K, asyncio.Task[V]] = OrderedDict()

    async def get(self, key: K, make: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the result for the key; `make()` runs if there is none, or if it failed.

        If one caller is canceled meanwhile, the others still get the result.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.get_running_loop().create_task(make())
            task.add_done_callback(partial(self._drop_failed, key))
            while len(self._tasks) > self._size:
                self._tasks.popitem(last=False)
        else:
            self._tasks.move_to_end(key)
        return await asyncio.shield(task)

    def _drop_failed(self, key: K, task: asyncio.Task[V]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._tasks.get(key) is task:
            del self._tasks[key]


log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""Seconds after which a channel polls the database without a hint."""
COALESCE = 0.25
"""Minimum number of seconds between two polls: viewers are notified at most four times a second."""
EXPORTS = StreamLimits(session=3, user=6, process=30)
"""Maximum number of concurrent exports. If its client does not read, an export occupies 1 MB and a thread."""
CACHED_UPDATES = 16
"""Maximum number of updates that a channel caches: most viewers are at the same event, a few catch up."""


class Channel:
    """The viewers of one deployment in this process, and the deployment's last known state."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.viewers = 0
        self.snapshot: Snapshot | None = None
        self.gone = False
        self.updates: CoalescedResults[Any, Any] = CoalescedResults(CACHED_UPDATES)
        self.changed = asyncio.Event()
        self._poll_requested = asyncio.Event()

    def request_poll(self) -> None:
        """Make the channel poll the database soon."""
        self._poll_requested.set()

    def wake(self) -> None:
        """Wake every viewer. A viewer that takes `changed` before it reads the state misses no change."""
        self.changed, old = asyncio.Event(), self.changed
        old.set()

    async def follow_row(self) -> None:
        """Poll the deployment's row until canceled. It uses `asyncio.timeout` because on Python 3.11
        `wait_for` sometimes loses a cancellation (bpo-42130), which would leak the viewer.
        """
        while not self.gone:
            self._poll_requested.clear()
            try:
                self._set_snapshot(await reads.in_thread(reads.snapshot, self.pk))
            except Error as exc:
                log.warning("deployment %s cannot be read: %s", self.pk, exc)
            await asyncio.sleep(COALESCE)
            try:
                async with asyncio.timeout(POLL_SECONDS - COALESCE):
                    await self._poll_requested.wait()
            except TimeoutError:
                continue

    def _set_snapshot(self, snapshot: Snapshot | None) -> None:
        before, self.snapshot = self.snapshot, snapshot or self.snapshot
        self.gone = snapshot is None
        if before is None or snapshot is None or before.relevant != snapshot.relevant:
            self.wake()


class Broadcaster:
    """The channels of one event loop. Its tasks run only while there are viewers."""

    def __init__(self) -> None:
        self.closing = False
        self.streams = OpenStreams(on_end=self._wake_all)
        self.exports = Admission(lambda: EXPORTS)
        self._channels: dict[int, tuple[Channel, asyncio.Task[None]]] = {}
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def channel(self, pk: int) -> AsyncIterator[Channel]:
        """Yield the deployment's channel, with one more viewer inside the block."""
        channel = self._enter(pk)
        try:
            yield channel
        finally:
            self._leave(channel)

    @property
    def viewers(self) -> int:
        """Return the number of viewers of all channels."""
        return sum(channel.viewers for channel, _ in self._channels.values())

    def close(self) -> None:
        """End all streams: the process is about to stop."""
        self.closing = True
        self._wake_all()

    def _enter(self, pk: int) -> Channel:
        if self._reader is None:
            self._reader = asyncio.create_task(hints.follow(self._on_hint, self._request_all_polls))
        if pk not in self._channels:
            channel = Channel(pk)
            self._channels[pk] = channel, asyncio.create_task(channel.follow_row())
        channel = self._channels[pk][0]
        channel.viewers += 1
        return channel

    def _leave(self, channel: Channel) -> None:
        channel.viewers -= 1
        if channel.viewers == 0:
            _, task = self._channels.pop(channel.pk)
            task.cancel()
        if not self._channels and self._reader:
            self._reader.cancel()
            self._reader = None

    def _on_hint(self, hint: Hint) -> None:
        channel, _ = self._channels.get(hint.deployment, (None, None))
        if channel and (channel.snapshot is None or hint.seq > channel.snapshot.seq):
            channel.request_poll()

    def _request_all_polls(self) -> None:
        for channel, _ in self._channels.values():
            channel.request_poll()

    def _wake_all(self) -> None:
        for channel, _ in self._channels.values():
            channel.wake()


def measure() -> dict[str, int]:
    """Return the data of a web process's heartbeat: its number of open event streams."""
    return {STREAMS: sum(len(broadcaster.streams) for broadcaster in list(_broadcasters.values()))}


_broadcasters: WeakKeyDictionary[asyncio.AbstractEventLoop, Broadcaster] = WeakKeyDictionary()


def current() -> Broadcaster:
    """Return the broadcaster of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _broadcasters:
        broadcaster = _broadcasters[loop] = Broadcaster()
        stopping.before_stop(loop, broadcaster.close)
    return _broadcasters[loop]
