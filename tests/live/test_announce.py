"""Saying that there is news never holds up whoever says it, and never fails."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import redis

from deployments import events
from deployments.events import Hint
from tests.services import Redis


@pytest.fixture(autouse=True)
def _no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_paused_until", 0.0)


def test_a_hint_names_the_deployment_and_its_last_event(redis_server: Redis) -> None:
    events.announce(7, 12)
    entries: Any = events._client().xrange(events.HINTS)
    [[_, fields]] = entries
    assert events.hint(fields) == Hint(7, 12)


@pytest.mark.parametrize("fields", [{}, {b"d": b"x", b"s": b"1"}, {b"d": b"1"}])
def test_what_is_no_hint_is_none(fields: dict[bytes, bytes]) -> None:
    assert events.hint(fields) is None


def test_hints_do_not_pile_up(redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_HINTS", 100)
    for seq in range(1000):
        events.announce(1, seq)
    assert events._client().xlen(events.HINTS) < 300


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """The tries to write a hint; after one that failed there is silence for longer than the test takes."""
    made: list[None] = []
    write = redis.Redis.xadd

    def counted(client: redis.Redis, *arguments: Any, **options: Any) -> Any:
        made.append(None)
        return write(client, *arguments, **options)

    monkeypatch.setattr(redis.Redis, "xadd", counted)
    monkeypatch.setattr(events, "PAUSE", 3600.0)
    monkeypatch.setattr(events, "_paused_until", 0.0)
    return made


def test_a_redis_that_is_away_costs_one_try_and_then_nothing_for_a_while(
    redis_server: Redis, tries: list[None]
) -> None:
    redis_server.stop()

    for seq in range(100):
        events.announce(1, seq)

    assert len(tries) == 1


def test_a_frozen_redis_costs_one_time_out_and_then_nothing_for_a_while(
    redis_server: Redis, tries: list[None]
) -> None:
    events.announce(1, 1)
    tries.clear()
    assert redis_server.process
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        for seq in range(100):
            events.announce(1, seq)
        assert len(tries) == 1
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)
