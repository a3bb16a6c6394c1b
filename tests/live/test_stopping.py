"""Callbacks that run when the process receives a stop signal, or are registered only after it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from deployments.live.stopping import before_stop, watch


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that the handler of a server has received."""
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


async def test_calls_that_wait_for_the_signal_run_in_the_loop_and_the_server_gets_it_too(
    received: list[int],
) -> None:
    called = asyncio.Event()
    before_stop(asyncio.get_running_loop(), called.set)

    signal.raise_signal(signal.SIGTERM)

    await called.wait()
    assert received == [signal.SIGTERM]


async def test_calls_added_after_the_signal_run_at_once(received: list[int]) -> None:
    loop = asyncio.get_running_loop()
    watch(loop)
    signal.raise_signal(signal.SIGTERM)
    called: list[str] = []

    before_stop(loop, lambda: called.append("late"))

    assert called == ["late"]
    assert received == [signal.SIGTERM]
