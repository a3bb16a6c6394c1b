"""Concurrent calls for the same key share one result."""

from __future__ import annotations

import asyncio

import pytest

from deployments.live.broadcaster import CoalescedResults


class Producer:
    """Produces a result once it is allowed to, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.ready = asyncio.Event()

    async def make(self) -> str:
        self.calls += 1
        await self.ready.wait()
        return f"result {self.calls}"

    async def fail(self) -> str:
        self.calls += 1
        raise ValueError("failed")


async def test_concurrent_callers_share_one_result(producer: Producer) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    waiting = [asyncio.create_task(shared.get("a", producer.make)) for _ in range(20)]
    await asyncio.sleep(0)

    producer.ready.set()

    assert await asyncio.gather(*waiting) == ["result 1"] * 20
    assert await shared.get("a", producer.make) == "result 1"


async def test_a_canceled_caller_does_not_cancel_the_others(producer: Producer) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    canceled = asyncio.create_task(shared.get("a", producer.make))
    other = asyncio.create_task(shared.get("a", producer.make))
    await asyncio.sleep(0)

    canceled.cancel()
    await asyncio.sleep(0)
    producer.ready.set()

    assert await other == "result 1"
    assert canceled.cancelled()


async def test_a_failure_is_not_cached(producer: Producer) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    with pytest.raises(ValueError, match="failed"):
        await shared.get("a", producer.fail)
    producer.ready.set()

    assert await shared.get("a", producer.make) == "result 2"


async def test_the_least_recently_used_result_is_evicted_first(producer: Producer) -> None:
    producer.ready.set()
    shared: CoalescedResults[str, str] = CoalescedResults(2)
    await shared.get("a", producer.make)
    await shared.get("b", producer.make)
    await shared.get("a", producer.make)
    await shared.get("c", producer.make)

    assert await shared.get("a", producer.make) == "result 1"
    assert await shared.get("b", producer.make) == "result 4"


@pytest.fixture
async def producer() -> Producer:
    return Producer()
