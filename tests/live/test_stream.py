"""A client receives every event once and in order, whatever happens to hints and connections."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from deployments.aws import quota
from deployments.common.pages.locale import Locale
from deployments.common.redis_fallback import Fallback
from deployments.deployment_pages.pages import log, page_updates, stream
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.live import broadcaster, new_events, reads
from deployments.live.access import StreamAccess
from deployments.live.streams import Viewer
from deployments.stacks.shared import event_log
from tests.live import scenes
from tests.live.stream_reader import Listener, Message, messages
from tests.services import LIMIT, Redis

pytestmark = pytest.mark.django_db(transaction=True)
ENGLISH = Locale("en", "UTC")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the pause that follows a failed hint in an earlier test."""
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=0.0))


@pytest.fixture
def deployment(transactional_db: None) -> Deployment:
    return scenes.make_deployment()


def add_events(deployment: Deployment, count: int, *, called: str = "note") -> None:
    for number in range(count):
        event_log.add(deployment, "phase", key=f"{called} {number}", phase="stacks")


async def read_stream(
    deployment: Deployment, listener: Listener, *, until: int, seconds: float = LIMIT
) -> None:
    """Read the stream from the listener's position up to event `until`."""
    async with asyncio.timeout(seconds), open_stream(deployment, listener.seq) as stream_:
        async for message in messages(stream_):
            listener.take(message)
            if listener.seq >= until:
                return


@contextlib.asynccontextmanager
async def open_stream(deployment: Deployment, since: int) -> AsyncIterator[AsyncIterator[bytes]]:
    viewer = Viewer(session="", access=StreamAccess(user=1, grants=frozenset()))
    generator = stream.stream(deployment.pk, since, ENGLISH, viewer)
    try:
        yield generator
    finally:
        await generator.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_stream_has_existing_events_and_then_new_ones(deployment: Deployment) -> None:
    await asyncio.to_thread(add_events, deployment, 3)
    listener = Listener(seq=0)

    reading = asyncio.create_task(read_stream(deployment, listener, until=6))
    await asyncio.to_thread(add_events, deployment, 2, called="later")
    await reading

    assert listener.received == [1, 2, 3, 4, 5, 6]
    assert not listener.faults


async def test_a_client_far_behind_catches_up_in_updates_of_limited_size(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LINES", 10)
    await asyncio.to_thread(add_events, deployment, 34)
    sizes: list[int] = []
    async with asyncio.timeout(LIMIT), open_stream(deployment, 0) as stream_:
        async for message in messages(stream_):
            if message.event == "message":
                sizes.append(len(message.data["events"]))
                if message.data["seq"] == 35:
                    break
    assert sizes == [10, 10, 10, 5]


async def test_a_hundred_clients_at_the_same_event_share_updates(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[int, int]] = []

    def counted(pk: int, since: int, until: int, locale: Locale) -> page_updates.PageUpdate:
        built.append((since, until))
        return build(pk, since, until, locale)

    build = page_updates.build
    monkeypatch.setattr(page_updates, "build", counted)
    listeners = [Listener(seq=1) for _ in range(100)]
    reading = [asyncio.create_task(read_stream(deployment, listener, until=4)) for listener in listeners]
    while broadcaster.current().viewers < 100:
        await asyncio.sleep(0.02)

    await asyncio.to_thread(add_events, deployment, 3)
    await asyncio.gather(*reading)

    assert all(listener.received == [2, 3, 4] and not listener.faults for listener in listeners)
    assert len(built) == len(set(built)) <= 3


async def test_the_stream_of_an_ended_deployment_ends_with_a_message(deployment: Deployment) -> None:
    await asyncio.to_thread(scenes.finish, deployment, State.FAILED)
    long_ago = timezone.now() - timedelta(minutes=5)
    await Deployment.objects.filter(pk=deployment.pk).aupdate(ended_at=long_ago)

    async with asyncio.timeout(LIMIT), open_stream(deployment, 1) as stream_:
        received = [message async for message in messages(stream_)]

    assert [m.event for m in received if m.event != "fresh"] == ["message", "end"]
    assert received[-1].data | {"seq": 2, "state": "failed", "settled": True} == received[-1].data


async def test_the_stream_of_a_deployment_that_has_just_ended_waits_for_late_events(
    deployment: Deployment,
) -> None:
    await asyncio.to_thread(scenes.finish, deployment, State.FAILED)
    listener = Listener(seq=1)

    reading = asyncio.create_task(read_stream(deployment, listener, until=3))
    await asyncio.to_thread(add_events, deployment, 1, called="trailing")
    await reading

    assert listener.received == [2, 3]


async def test_a_stream_ends_after_its_maximum_age(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_AGE", 0.2)
    monkeypatch.setattr(stream, "FRESH", 0.1)
    async with asyncio.timeout(LIMIT), open_stream(deployment, 1) as stream_:
        received = [message async for message in messages(stream_)]
    assert {message.event for message in received} <= {"fresh"}


async def test_disconnected_clients_leave_no_viewers_and_tasks_behind(deployment: Deployment) -> None:
    here = broadcaster.current()
    stop = threading.Event()
    writer = threading.Thread(target=write_events_until, args=(deployment, stop, "leaving"))
    writer.start()
    before = asyncio.all_tasks()
    for _ in range(4):
        tasks = [
            asyncio.create_task(read_stream(deployment, Listener(seq=1), until=10**9)) for _ in range(100)
        ]
        leaves_at = random.randint(1, 100)
        async with asyncio.timeout(LIMIT):
            while here.viewers < leaves_at:
                await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert here.viewers == 0
    stop.set()
    await asyncio.to_thread(writer.join)
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline and asyncio.all_tasks() - before:
        await asyncio.sleep(0.02)
    assert not asyncio.all_tasks() - before


def write_events_until(deployment: Deployment, stop: threading.Event, called: str) -> None:
    number = 0
    try:
        while not stop.is_set():
            number += 1
            event_log.add(deployment, "phase", key=f"{called} {number}", phase="stacks")
            time.sleep(0.01)
    finally:
        connection.close()


@pytest.fixture
def unreliable_hints(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Drop every tenth hint, duplicate some, and delay each at random so that they arrive out of order."""
    announce = new_events.announce
    timers: list[threading.Timer] = []

    def unreliable(pk: int, seq: int) -> None:
        luck = random.random()
        for _ in range(0 if luck < 0.1 else 2 if luck < 0.15 else 1):
            timer = threading.Timer(random.uniform(0, 0.05), announce, (pk, seq))
            timer.start()
            timers.append(timer)

    monkeypatch.setattr(new_events, "announce", unreliable)
    yield
    for timer in timers:
        timer.join()


async def test_no_event_is_missed_or_sent_twice(
    deployment: Deployment, unreliable_hints: None, redis_server: Redis
) -> None:
    stop = threading.Event()
    writers = [
        threading.Thread(target=write_events_until, args=(deployment, stop, f"w{i}")) for i in range(2)
    ]
    for writer in writers:
        writer.start()
    listeners = [Listener(seq=0) for _ in range(12)]
    rounds = [
        asyncio.create_task(reconnect_repeatedly(deployment, listener, times=12)) for listener in listeners
    ]
    await wait_for_events(deployment, 40)
    redis_server.flush()
    await wait_for_events(deployment, 60)
    redis_server.kill()
    redis_server.start()  # in this thread, since the server dies with the thread that started it
    await asyncio.gather(*rounds)
    await wait_for_events(deployment, 100)
    stop.set()
    for writer in writers:
        await asyncio.to_thread(writer.join)

    head = (await Deployment.objects.aget(pk=deployment.pk)).last_seq
    replay = Listener(seq=0)
    await read_stream(deployment, replay, until=head)
    assert replay.received == list(range(1, head + 1))
    for listener in (*listeners, replay):
        assert not listener.faults
        assert listener.received == list(range(1, listener.seq + 1))
    assert broadcaster.current().viewers == 0


async def wait_for_events(deployment: Deployment, count: int) -> None:
    """Wait until the deployment has this number of events."""
    while (await Deployment.objects.aget(pk=deployment.pk)).last_seq < count:
        await asyncio.sleep(0.02)


async def reconnect_repeatedly(deployment: Deployment, listener: Listener, *, times: int) -> None:
    """Open the stream repeatedly, each time where the last one ended."""
    for _ in range(times):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0.05, 0.5)):
                async with open_stream(deployment, listener.seq) as stream_:
                    async for message in messages(stream_):
                        listener.take(message)


async def test_messages_contain_the_api_quota_used(
    deployment: Deployment, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_shares", {})
    account = await asyncio.to_thread(lambda: deployment.environment.account)
    spent = quota.of(replace(account.ref(), reads_per_second=2.0))
    for _ in range(3):
        await asyncio.to_thread(spent.before, "cloudformation", "DescribeStackEvents")

    async with asyncio.timeout(LIMIT), open_stream(deployment, 1) as stream_:
        fresh = [message.data async for message in first(messages(stream_), 1)]

    assert fresh[0]["percent"] == round(100 * 3 / 60 / account.ref().reads_per_second)
    assert fresh[0]["throttled"] is False
    spent.after("cloudformation", "Throttling")
    monkeypatch.setattr(reads, "_shares", {})
    assert (await asyncio.to_thread(reads.quota_share, account.pk)).throttled
    redis_server.stop()
    monkeypatch.setattr(reads, "_shares", {})
    assert (await asyncio.to_thread(reads.quota_share, account.pk)).percent is None


async def first(received: AsyncIterator[Message], count: int) -> AsyncIterator[Message]:
    for _ in range(count):
        yield await anext(received)
