"""Sending a hint does not block and never fails, whatever the state of Redis."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.conf import settings

from deployments.common.redis_fallback import Fallback
from deployments.live import new_events
from deployments.live.new_events import Hint
from tests.services import Redis


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=0.0))


def test_a_hint_has_the_deployment_and_its_last_event(redis_server: Redis) -> None:
    new_events.announce(7, 12)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        entries: Any = client.xrange(new_events.HINTS)
    [[_, fields]] = entries
    assert new_events.hint(fields) == Hint(7, 12)


@pytest.mark.parametrize("fields", [{}, {b"d": b"x", b"s": b"1"}, {b"d": b"1"}])
def test_invalid_hints_are_ignored(fields: dict[bytes, bytes]) -> None:
    assert new_events.hint(fields) is None


def test_the_stream_of_hints_is_trimmed(redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_events, "MAX_HINTS", 100)
    for seq in range(1000):
        new_events.announce(1, seq)
    assert new_events._client().xlen(new_events.HINTS) < 300


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """The attempts to write hints; the pause after a failed attempt is longer than the test."""
    attempts_made: list[None] = []
    write = redis.Redis.xadd

    def counted(client: redis.Redis, *arguments: Any, **options: Any) -> Any:
        attempts_made.append(None)
        return write(client, *arguments, **options)

    monkeypatch.setattr(redis.Redis, "xadd", counted)
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=3600.0))
    return attempts_made


def test_after_a_failed_attempt_no_hint_is_sent_for_a_while(
    redis_server: Redis, attempts: list[None]
) -> None:
    redis_server.stop()

    for seq in range(100):
        new_events.announce(1, seq)

    assert len(attempts) == 1


def test_after_a_timeout_no_hint_is_sent_for_a_while(redis_server: Redis, attempts: list[None]) -> None:
    new_events.announce(1, 1)
    attempts.clear()
    with redis_server.frozen():
        for seq in range(100):
            new_events.announce(1, seq)
        assert len(attempts) == 1
