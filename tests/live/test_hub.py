"""Rooms hear of news by hints, and without them by looking now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis
from asgiref.sync import sync_to_async

from deployments import events
from deployments.live import broadcaster as hub_module
from deployments.live.broadcaster import Broadcaster, Channel
from deployments.models import Deployment
from deployments.runner import event_log
from tests.live import scenes
from tests.services import LIMIT, Redis

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test's Redis outage keep the next one from announcing."""
    monkeypatch.setattr(events, "PAUSE", 0.0)
    monkeypatch.setattr(events, "_paused_until", 0.0)


@pytest.fixture
def deployment(transactional_db: None) -> Deployment:
    return scenes.make_deployment()


@pytest.fixture
async def hub() -> AsyncIterator[Broadcaster]:
    """A hub whose tasks have ended when the test is over, or the test fails."""
    before = asyncio.all_tasks()
    yield Broadcaster()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=LIMIT)
    assert not [task for task in left if not task.done()]


@pytest.fixture
def only_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no look at the database bring what hints do not."""
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600.0)


async def until(room: Channel, seq: int) -> None:
    """Wait until the room knows of event `seq`."""
    async with asyncio.timeout(LIMIT):
        while True:
            news = room.changed
            if room.snapshot and room.snapshot.seq >= seq:
                return
            await news.wait()


async def note(deployment: Deployment, key: str) -> None:
    await sync_to_async(event_log.add)(deployment, "phase", key=key, phase="stacks")


async def test_a_viewer_hears_of_an_event_at_once(
    hub: Broadcaster, deployment: Deployment, redis_server: Redis, only_hints: None
) -> None:
    async with hub.channel(deployment.pk) as room:
        await until(room, 1)
        await reader_waits(redis_server)

        await note(deployment, "one")

        await until(room, 2)


async def test_two_viewers_share_one_room_and_the_last_one_closes_it(
    hub: Broadcaster, deployment: Deployment
) -> None:
    async with hub.channel(deployment.pk) as room:
        async with hub.channel(deployment.pk) as same:
            assert room is same
            assert hub.viewers == 2
        assert hub.viewers == 1
    assert hub.viewers == 0


async def test_without_redis_a_viewer_hears_within_the_fill(
    hub: Broadcaster, deployment: Deployment, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 1.0)
    redis_server.stop()
    async with hub.channel(deployment.pk) as room:
        await until(room, 1)

        await note(deployment, "one")

        await until(room, 2)


async def test_hints_are_heard_again_after_redis_was_restarted_empty(
    hub: Broadcaster, deployment: Deployment, redis_server: Redis, only_hints: None
) -> None:
    async with hub.channel(deployment.pk) as room:
        await until(room, 1)
        redis_server.kill()
        await note(deployment, "while Redis is away")
        redis_server.start()  # in this thread: the server dies with the thread that started it
        redis_server.flush()
        await until(room, 2)
        await reader_waits(redis_server)

        await note(deployment, "afterwards")

        await until(room, 3)


async def test_a_burst_wakes_viewers_at_most_four_times_a_second(
    hub: Broadcaster, deployment: Deployment
) -> None:
    wakings = 0
    async with hub.channel(deployment.pk) as room:
        await until(room, 1)
        started = asyncio.get_running_loop().time()
        burst = asyncio.create_task(many_notes(deployment, 60))
        while room.snapshot is None or room.snapshot.seq < 61:
            news = room.changed
            await news.wait()
            wakings += 1
        took = asyncio.get_running_loop().time() - started
        await burst
    assert wakings <= took * 4 + 2


async def many_notes(deployment: Deployment, count: int) -> None:
    for number in range(count):
        await note(deployment, f"burst {number}")


async def test_closing_wakes_everybody(hub: Broadcaster, deployment: Deployment) -> None:
    async with hub.channel(deployment.pk) as room:
        await until(room, 1)
        news = room.changed
        hub.close()
        async with asyncio.timeout(LIMIT):
            await news.wait()
        assert hub.closing


async def test_a_room_knows_when_the_deployment_is_gone(hub: Broadcaster, deployment: Deployment) -> None:
    async with hub.channel(deployment.pk + 1000) as room:
        async with asyncio.timeout(LIMIT):
            await room.changed.wait()
        assert room.gone


async def reader_waits(server: Redis) -> None:
    """Return once the hub's blocking read stands at Redis: hints said before that are not heard."""

    def blocked() -> bool:
        with redis.Redis.from_url(server.url) as client:
            return any(entry["cmd"] == "xread" for entry in client.client_list())

    async with asyncio.timeout(LIMIT):
        while not await asyncio.to_thread(blocked):
            await asyncio.sleep(0.02)
