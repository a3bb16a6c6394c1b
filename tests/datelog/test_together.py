"""Calls that threads make at the same time are made as few, and none is older than who asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from datelog.together import Together
from tests.services import LIMIT, wait_until


class Slow:
    """A call that waits for a word, and tells what it was called with."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go = threading.Semaphore(0)

    def __call__(self, items: list[int]) -> int:
        self.calls.append(list(items))
        self.go.acquire()
        if 13 in items:
            raise ValueError("thirteen")
        return len(self.calls)


def ask(
    together: Together[int, int], *items: int, key: str = ""
) -> tuple[list[threading.Thread], list[object]]:
    """Ask with some items, each in a thread of its own; returns the threads and what they get."""
    got: list[object] = []

    def run(item: int) -> None:
        try:
            got.append(together(item, key))
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


def test_who_comes_during_a_call_goes_with_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datelog.together._PATIENCE", 10.0)
    slow = Slow()
    together = Together(slow)
    first, of_first = ask(together, 1)
    wait_until(called(slow, 1), what="the first call")
    others, of_others = ask(together, 2, 3, 4)
    wait_until(
        lambda: sum(len(party.items) for party in together._waiting.values()) == 3, what="three who wait"
    )
    assert slow.calls == [[1]]
    slow.go.release(2)
    finish([*first, *others])
    assert of_first == [1]
    assert of_others == [2, 2, 2]
    assert sorted(slow.calls[1]) == [2, 3, 4]
    assert not together._running
    assert not together._waiting


def test_an_error_is_told_to_everyone_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datelog.together._PATIENCE", 10.0)
    slow = Slow()
    together = Together(slow)
    first, of_first = ask(together, 1)
    wait_until(called(slow, 1), what="the first call")
    others, of_others = ask(together, 12, 13)
    wait_until(
        lambda: sum(len(party.items) for party in together._waiting.values()) == 2, what="two who wait"
    )
    slow.go.release(2)
    finish([*first, *others])
    assert (of_first, of_others) == ([1], ["thirteen", "thirteen"])


def test_a_call_that_hangs_does_not_hold_up_the_next_one() -> None:
    slow = Slow()
    together = Together(slow)
    first, _got = ask(together, 1)
    wait_until(called(slow, 1), what="the first call")
    second, _got = ask(together, 2)
    wait_until(called(slow, 2), what="the second call beside the first")
    slow.go.release(2)
    finish([*first, *second])


def test_calls_of_different_keys_do_not_wait_for_each_other() -> None:
    slow = Slow()
    together = Together(slow)
    first, _got = ask(together, 1, key="one")
    second, _got = ask(together, 2, key="two")
    wait_until(called(slow, 2), what="both calls")
    slow.go.release(2)
    finish([*first, *second])
