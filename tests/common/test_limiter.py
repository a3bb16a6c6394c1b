"""The limiter: the same limits in Redis and in local memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from deployments.common.limit_counters import Counters, MemoryCounters, RedisCounters
from deployments.common.limiter import Limiter
from deployments.common.redis_fallback import PAUSE
from deployments.common.rules.limit_kinds import Backoff, Limit, Rate
from portal.login.limits import LOGINS
from tests.services import LIMIT, Redis, free_port

pytestmark = pytest.mark.core
GUESSES = Backoff(key="guesses", free=3, first=5, longest=60, kept=1000)
ADDRESS = Rate(key="address", burst=4, every=10)
CALLS = Rate(key="calls", burst=2.5, every=0.4, max_wait=1.0)
POLLS = Rate(key="calls", burst=2.5, every=0.4, background=True)


@dataclass
class Clock:
    """A clock that only the test advances."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["redis", "memory"])
def counting(request: pytest.FixtureRequest, clock: Clock) -> Counters:
    if request.param == "memory":
        return MemoryCounters(clock)
    request.getfixturevalue("redis_server")
    return shared_counters(clock)


def shared_counters(clock: Clock | None = None) -> RedisCounters:
    return RedisCounters(settings.REDIS_URL, LOGINS.prefix, LIMIT, clock)


def refused(counting: Counters | Limiter, limits: Sequence[Limit]) -> float:
    """Count an attempt, and return the seconds to wait if it is refused, otherwise 0."""
    taken = counting.take(limits)
    return 0 if taken.allowed else taken.wait


def counted(counting: Counters, number: int, *limits: Limit) -> list[float]:
    return [refused(counting, limits) for _ in range(number)]


def test_after_the_free_attempts_each_wait_is_twice_as_long(counting: Counters, clock: Clock) -> None:
    assert counted(counting, 3, GUESSES) == [0, 0, 0]
    for wait in (5, 10, 20, 40, 60, 60):
        assert refused(counting, [GUESSES]) == pytest.approx(wait, abs=0.01)
        clock.now += wait - 1
        assert refused(counting, [GUESSES]) == pytest.approx(1, abs=0.01)
        clock.now += 1
        assert refused(counting, [GUESSES]) == 0


def test_a_rate_allows_one_more_attempt_per_interval(counting: Counters, clock: Clock) -> None:
    assert counted(counting, 4, ADDRESS) == [0] * 4
    for _ in range(3):
        assert refused(counting, [ADDRESS]) == pytest.approx(10, abs=0.01)
        clock.now += 10
        assert refused(counting, [ADDRESS]) == 0
    clock.now += 1000
    assert counted(counting, 4, ADDRESS) == [0] * 4


def test_a_rejected_attempt_does_not_count_for_other_limits(counting: Counters, clock: Clock) -> None:
    counted(counting, 3, GUESSES)
    assert refused(counting, [GUESSES, ADDRESS]) > 0

    assert counted(counting, 4, ADDRESS) == [0] * 4


def test_an_attempt_can_be_uncounted(counting: Counters, clock: Clock) -> None:
    for _ in range(10):
        assert refused(counting, [GUESSES, ADDRESS]) == 0
        counting.undo([GUESSES, ADDRESS])
    counting.undo([Backoff(key="never"), Rate(key="counted", burst=1, every=1)])

    assert counted(counting, 2, GUESSES) == [0, 0]
    assert counted(counting, 4, ADDRESS) == [0] * 4


def test_failures_expire(counting: Counters, clock: Clock) -> None:
    counted(counting, 3, GUESSES)
    counting.forget([GUESSES])

    assert counted(counting, 3, GUESSES) == [0, 0, 0]
    assert refused(counting, [GUESSES]) > 0


Step = tuple[str, int, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["count", "count", "count", "look", "undo", "forget", "slow down"]),
        st.integers(0, 4),
        st.sampled_from([0.0, 0.5, 5.0, 61.0]),
    ),
    max_size=40,
)
CHOICES: list[list[Limit]] = [[GUESSES], [ADDRESS], [GUESSES, ADDRESS], [CALLS], [POLLS]]


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_the_local_counters_count_like_redis(redis_server: Redis, steps: list[Step]) -> None:
    redis_server.flush()
    clock = Clock()
    shared, own = shared_counters(clock), MemoryCounters(clock)

    for what, which, pause in steps:
        clock.now += pause
        limits = CHOICES[which]
        if what in ("count", "look"):
            found, expected = (counting.take(limits, count=what == "count") for counting in (shared, own))
            assert found.allowed == expected.allowed
            assert found.wait == pytest.approx(expected.wait, abs=0.01)
            assert found.full_in == pytest.approx(expected.full_in, abs=0.01)
        for counting in (shared, own):
            if what == "undo":
                counting.undo(limits)
            if what == "forget":
                counting.forget(limits)
            if what == "slow down":
                counting.slow_down(limits)


def test_the_local_counters_are_limited_in_size() -> None:
    own = MemoryCounters(size=100)
    for number in range(1000):
        refused(own, [Backoff(key=str(number), free=1)])

    assert len(own._counts) == 100
    assert refused(own, [Backoff(key="999", free=1)]) > 0


def test_redis_is_used_again_when_it_is_up(redis_server: Redis, clock: Clock) -> None:
    both = Limiter(LOGINS, settings.REDIS_URL, clock)
    redis_server.stop()
    assert [refused(both, [GUESSES]) for _ in range(3)] == [0] * 3
    assert refused(both, [GUESSES]) > 0

    redis_server.start()
    assert refused(both, [GUESSES]) > 0  # Redis is not tried at every attempt
    clock.now += PAUSE
    assert refused(both, [GUESSES]) == 0
    assert shared_counters().redis.hget("sanso:login:guesses", "failures") == "1"


def test_a_redis_that_times_out_is_not_tried_at_every_attempt(redis_server: Redis, clock: Clock) -> None:
    both = Limiter(LOGINS, settings.REDIS_URL, clock)
    assert refused(both, [GUESSES]) == 0
    with redis_server.frozen():
        assert [refused(both, [GUESSES]) for _ in range(3)] == [0] * 3
        both.forget([GUESSES])
        assert refused(both, [GUESSES]) == 0

    kept = shared_counters().redis.hget("sanso:login:guesses", "failures")
    assert kept in ("1", "2")  # Redis may have processed the one attempt that was sent


def test_a_missing_redis_is_a_redis_error() -> None:
    with pytest.raises(RedisError):
        RedisCounters(f"redis://127.0.0.1:{free_port()}/0", "", LIMIT).take([GUESSES])
