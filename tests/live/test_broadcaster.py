"""Channels notify their viewers: after a hint, or by polling the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis
from asgiref.sync import sync_to_async

from deployments.common.redis_fallback import Fallback
from deployments.environments.models.deployments import Deployment
from deployments.live import broadcaster as broadcaster_module
from deployments.live import new_events
from deployments.live.broadcaster import Broadcaster, Channel
from deployments.stacks.shared import event_log
from tests.live import scenes
from tests.services import LIMIT, Redis

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the pause that follows a failed hint in an earlier test."""
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=0.0))


@pytest.fixture
def deployment(transactional_db: None) -> Deployment:
    return scenes.make_deployment()


@pytest.fixture
async def broadcaster() -> AsyncIterator[Broadcaster]:
    """A broadcaster. Fails unless its tasks have ended after the test."""
    before = asyncio.all_tasks()
    yield Broadcaster()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=LIMIT)
    assert not [task for task in left if not task.done()]


@pytest.fixture
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn polling off, so that only hints notify viewers."""
    monkeypatch.setattr(broadcaster_module, "POLL_SECONDS", 3600.0)


async def wait_for_event(channel: Channel, seq: int) -> None:
    """Wait until the channel has event `seq`."""
    async with asyncio.timeout(LIMIT):
        while True:
            changed = channel.changed
            if channel.snapshot and channel.snapshot.seq >= seq:
                return
            await changed.wait()


async def add_event(deployment: Deployment, key: str) -> None:
    await sync_to_async(event_log.add)(deployment, "phase", key=key, phase="stacks")


async def test_a_hint_notifies_the_viewers(
    broadcaster: Broadcaster, deployment: Deployment, redis_server: Redis, no_polling: None
) -> None:
    async with broadcaster.channel(deployment.pk) as channel:
        await wait_for_event(channel, 1)
        await wait_for_reader(redis_server)

        await add_event(deployment, "one")

        await wait_for_event(channel, 2)


async def test_viewers_of_a_deployment_share_a_channel_that_the_last_one_closes(
    broadcaster: Broadcaster, deployment: Deployment
) -> None:
    async with broadcaster.channel(deployment.pk) as channel:
        async with broadcaster.channel(deployment.pk) as same:
            assert channel is same
            assert broadcaster.viewers == 2
        assert broadcaster.viewers == 1
    assert broadcaster.viewers == 0


async def test_without_redis_viewers_are_notified_by_polling(
    broadcaster: Broadcaster, deployment: Deployment, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcaster_module, "POLL_SECONDS", 1.0)
    redis_server.stop()
    async with broadcaster.channel(deployment.pk) as channel:
        await wait_for_event(channel, 1)

        await add_event(deployment, "one")

        await wait_for_event(channel, 2)


async def test_hints_notify_viewers_again_after_redis_was_restarted_empty(
    broadcaster: Broadcaster, deployment: Deployment, redis_server: Redis, no_polling: None
) -> None:
    async with broadcaster.channel(deployment.pk) as channel:
        await wait_for_event(channel, 1)
        redis_server.kill()
        await add_event(deployment, "while Redis is away")
        redis_server.start()  # in this thread, since the server dies with the thread that started it
        redis_server.flush()
        await wait_for_event(channel, 2)
        await wait_for_reader(redis_server)

        await add_event(deployment, "afterwards")

        await wait_for_event(channel, 3)


async def test_a_burst_of_events_notifies_viewers_at_most_four_times_a_second(
    broadcaster: Broadcaster, deployment: Deployment
) -> None:
    wakeups = 0
    async with broadcaster.channel(deployment.pk) as channel:
        await wait_for_event(channel, 1)
        started = asyncio.get_running_loop().time()
        burst = asyncio.create_task(add_events(deployment, 60))
        while channel.snapshot is None or channel.snapshot.seq < 61:
            changed = channel.changed
            await changed.wait()
            wakeups += 1
        took = asyncio.get_running_loop().time() - started
        await burst
    assert wakeups <= took * 4 + 2


async def add_events(deployment: Deployment, count: int) -> None:
    for number in range(count):
        await add_event(deployment, f"burst {number}")


async def test_closing_notifies_all_viewers(broadcaster: Broadcaster, deployment: Deployment) -> None:
    async with broadcaster.channel(deployment.pk) as channel:
        await wait_for_event(channel, 1)
        changed = channel.changed
        broadcaster.close()
        async with asyncio.timeout(LIMIT):
            await changed.wait()
        assert broadcaster.closing


async def test_a_channel_notices_that_its_deployment_does_not_exist(
    broadcaster: Broadcaster, deployment: Deployment
) -> None:
    async with broadcaster.channel(deployment.pk + 1000) as channel:
        async with asyncio.timeout(LIMIT):
            await channel.changed.wait()
        assert channel.gone


async def wait_for_reader(server: Redis) -> None:
    """Wait until the broadcaster's blocking read has reached Redis, since earlier hints are missed."""

    def is_reading() -> bool:
        with redis.Redis.from_url(server.url) as client:
            return any(entry["cmd"] == "xread" for entry in client.client_list())

    async with asyncio.timeout(LIMIT):
        while not await asyncio.to_thread(is_reading):
            await asyncio.sleep(0.02)
