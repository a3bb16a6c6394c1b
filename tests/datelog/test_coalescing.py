"""Concurrent calls are coalesced, and no result is older than its request."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from datelog.coalescing import Coalescer
from tests.services import LIMIT, wait_until


class Slow:
    """A function that records its calls, and returns when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go = threading.Semaphore(0)

    def __call__(self, items: list[int]) -> int:
        self.calls.append(list(items))
        self.go.acquire()
        if 13 in items:
            raise ValueError("thirteen")
        return len(self.calls)


def call(
    coalescer: Coalescer[int, int], *items: int, key: str = ""
) -> tuple[list[threading.Thread], list[object]]:
    """Call with each item in a separate thread; return the threads and their results."""
    got: list[object] = []

    def run(item: int) -> None:
        try:
            got.append(coalescer(item, key))
        except ValueError as error:
            got.append(str(error))

    threads = [threading.Thread(target=run, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    return threads, got


def finish(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()


def called(slow: Slow, times: int) -> Callable[[], bool]:
    return lambda: len(slow.calls) == times


def test_callers_during_a_call_share_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datelog.coalescing._MAX_WAIT", 10.0)
    slow = Slow()
    coalescer = Coalescer(slow)
    first, of_first = call(coalescer, 1)
    wait_until(called(slow, 1), what="the first call")
    others, of_others = call(coalescer, 2, 3, 4)
    wait_until(
        lambda: sum(len(batch.items) for batch in coalescer._waiting.values()) == 3,
        what="three waiting items",
    )
    assert slow.calls == [[1]]
    slow.go.release(2)
    finish([*first, *others])
    assert of_first == [1]
    assert of_others == [2, 2, 2]
    assert sorted(slow.calls[1]) == [2, 3, 4]
    assert not coalescer._running
    assert not coalescer._waiting


def test_an_error_is_raised_for_every_item_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datelog.coalescing._MAX_WAIT", 10.0)
    slow = Slow()
    coalescer = Coalescer(slow)
    first, of_first = call(coalescer, 1)
    wait_until(called(slow, 1), what="the first call")
    others, of_others = call(coalescer, 12, 13)
    wait_until(
        lambda: sum(len(batch.items) for batch in coalescer._waiting.values()) == 2, what="two waiting items"
    )
    slow.go.release(2)
    finish([*first, *others])
    assert (of_first, of_others) == ([1], ["thirteen", "thirteen"])


def test_a_call_that_hangs_does_not_block_the_next_one() -> None:
    slow = Slow()
    coalescer = Coalescer(slow)
    first, _got = call(coalescer, 1)
    wait_until(called(slow, 1), what="the first call")
    second, _got = call(coalescer, 2)
    wait_until(called(slow, 2), what="the second call beside the first")
    slow.go.release(2)
    finish([*first, *second])


def test_calls_of_different_keys_do_not_wait_for_each_other() -> None:
    slow = Slow()
    coalescer = Coalescer(slow)
    first, _got = call(coalescer, 1, key="one")
    second, _got = call(coalescer, 2, key="two")
    wait_until(called(slow, 2), what="both calls")
    slow.go.release(2)
    finish([*first, *second])
