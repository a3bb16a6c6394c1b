"""Open streams are counted and checked together."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Collection

import pytest
from django.db import OperationalError

from deployments.live import access, streams
from deployments.live.access import StreamAccess
from deployments.live.streams import OpenStreams, Viewer
from tests.services import LIMIT

ANA = StreamAccess(user=1, grants=frozenset({7}))


class Database:
    """A stand-in for the tables of sessions and users; it records each read."""

    def __init__(self) -> None:
        self.reads: list[set[str]] = []
        self.valid: dict[str, StreamAccess] = {}
        self.is_down = False

    def of_sessions(self, keys: Collection[str]) -> dict[str, StreamAccess]:
        self.reads.append(set(keys))
        if self.is_down:
            raise OperationalError("gone away")
        return {key: self.valid[key] for key in keys if key in self.valid}

    async def wait_for_reads(self, times: int = 1) -> None:
        """Wait for this number of further reads."""
        wanted = len(self.reads) + times
        async with asyncio.timeout(LIMIT):
            while len(self.reads) < wanted:
                await asyncio.sleep(0.01)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    found = Database()
    monkeypatch.setattr(access, "of_sessions", found.of_sessions)
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    return found


@pytest.fixture
async def ended() -> list[None]:
    return []


@pytest.fixture
async def open_streams(database: Database, ended: list[None]) -> AsyncIterator[OpenStreams]:
    before = asyncio.all_tasks()
    found = OpenStreams(on_end=lambda: ended.append(None))
    yield found
    for viewer in list(found._viewers):
        found.leave(viewer)
    async with asyncio.timeout(LIMIT):
        while asyncio.all_tasks() - before - {asyncio.current_task()}:
            await asyncio.sleep(0.01)


async def test_all_streams_are_checked_with_one_read_per_heartbeat(
    open_streams: OpenStreams, database: Database, ended: list[None]
) -> None:
    database.valid = {f"session {n}": StreamAccess(user=n, grants=frozenset()) for n in range(40)}
    viewers = [open_streams.admit(key, found) for key, found in database.valid.items() for _ in range(5)]

    await database.wait_for_reads(3)

    assert all(read == set(database.valid) for read in database.reads)
    assert not any(viewer.ends for viewer in viewers)
    assert not ended


async def test_only_streams_whose_session_ended_or_lost_a_permission_end(
    open_streams: OpenStreams, database: Database, ended: list[None]
) -> None:
    database.valid = dict.fromkeys(("stays", "leaves", "loses", "becomes another"), ANA)
    viewers = {key: open_streams.admit(key, ANA) for key in database.valid}
    await database.wait_for_reads()
    del database.valid["leaves"]
    database.valid["loses"] = StreamAccess(user=1, grants=frozenset())
    database.valid["becomes another"] = StreamAccess(user=2, grants=frozenset({7}))

    await database.wait_for_reads(2)

    assert {key: viewer.ends for key, viewer in viewers.items()} == {
        "stays": "",
        "leaves": streams.LOGGED_OUT,
        "loses": streams.PERMISSIONS,
        "becomes another": streams.LOGGED_OUT,
    }
    assert ended  # and all streams are notified


async def test_streams_stay_open_while_the_database_is_down(
    open_streams: OpenStreams, database: Database
) -> None:
    database.valid, database.is_down = {"one": ANA}, True
    viewer = open_streams.admit("one", ANA)
    await database.wait_for_reads(2)
    assert not viewer.ends

    database.valid, database.is_down = {}, False
    await database.wait_for_reads(2)
    assert viewer.ends == streams.LOGGED_OUT


async def test_nothing_is_read_without_open_streams(open_streams: OpenStreams, database: Database) -> None:
    database.valid = {"one": ANA}
    viewer = open_streams.admit("one", ANA)
    await database.wait_for_reads()
    open_streams.leave(viewer)
    open_streams.leave(viewer)  # leaving twice is harmless
    assert len(open_streams) == 0
    read = len(database.reads)
    open_streams.leave(open_streams.admit("one", ANA))
    assert len(database.reads) == read


async def test_an_admitted_stream_that_never_started_does_not_count_for_ever(
    open_streams: OpenStreams, database: Database
) -> None:
    database.valid = {"one": ANA}
    kept = open_streams.admit("one", ANA)
    generator = streamed(open_streams.admit("one", ANA))
    await database.wait_for_reads(2)
    assert len(open_streams) == 2

    del generator  # like a request that is canceled before its response is sent

    # The finalizer is a task of the event loop, which needs turns for it.
    async with asyncio.timeout(LIMIT):
        while len(open_streams) > 1:
            gc.collect()
            await asyncio.sleep(0.01)
    assert not kept.ends


async def streamed(viewer: Viewer) -> AsyncIterator[bytes]:
    yield viewer.session.encode()
