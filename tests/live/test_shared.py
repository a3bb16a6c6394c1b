"""What many ask for at once is made once."""

from __future__ import annotations

import asyncio

import pytest

from deployments.live.coalesced import CoalescedResults


class Kitchen:
    """Makes a dish when it is told to, and counts."""

    def __init__(self) -> None:
        self.made = 0
        self.ready = asyncio.Event()

    async def make(self) -> str:
        self.made += 1
        await self.ready.wait()
        return f"dish {self.made}"

    async def burn(self) -> str:
        self.made += 1
        raise ValueError("burnt")


async def test_all_who_wait_get_the_same(kitchen: Kitchen) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    waiting = [asyncio.create_task(shared.get("soup", kitchen.make)) for _ in range(20)]
    await asyncio.sleep(0)

    kitchen.ready.set()

    assert await asyncio.gather(*waiting) == ["dish 1"] * 20
    assert await shared.get("soup", kitchen.make) == "dish 1"


async def test_who_leaves_takes_nothing_from_the_others(kitchen: Kitchen) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    leaver = asyncio.create_task(shared.get("soup", kitchen.make))
    stayer = asyncio.create_task(shared.get("soup", kitchen.make))
    await asyncio.sleep(0)

    leaver.cancel()
    await asyncio.sleep(0)
    kitchen.ready.set()

    assert await stayer == "dish 1"
    assert leaver.cancelled()


async def test_a_failure_is_told_to_all_and_not_kept(kitchen: Kitchen) -> None:
    shared: CoalescedResults[str, str] = CoalescedResults(4)
    with pytest.raises(ValueError, match="burnt"):
        await shared.get("soup", kitchen.burn)
    kitchen.ready.set()

    assert await shared.get("soup", kitchen.make) == "dish 2"


async def test_what_was_not_asked_for_longest_goes_first(kitchen: Kitchen) -> None:
    kitchen.ready.set()
    shared: CoalescedResults[str, str] = CoalescedResults(2)
    await shared.get("soup", kitchen.make)
    await shared.get("rice", kitchen.make)
    await shared.get("soup", kitchen.make)
    await shared.get("tea", kitchen.make)

    assert await shared.get("soup", kitchen.make) == "dish 1"
    assert await shared.get("rice", kitchen.make) == "dish 4"


@pytest.fixture
async def kitchen() -> Kitchen:
    return Kitchen()
