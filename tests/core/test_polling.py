"""Few calls, little delay: which stacks are asked when."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.polling import MAX_INTERVAL, MIN_INTERVAL, PolledStack, TokenBucket, choose, delay
from tests.polled import Poller, Seen, by_forecast
from tests.simulated import World, infra_graph

NOW = 1_764_000_000.0
STACKS = st.lists(
    st.builds(
        PolledStack,
        path=st.text("abc", min_size=1, max_size=3),
        polled_at=st.one_of(st.none(), st.floats(NOW - 100, NOW)),
        quiet=st.integers(0, 10**6),
        expected=st.one_of(st.none(), st.floats(NOW - 10**6, NOW + 10**6)),
        notified=st.booleans(),
    ),
    max_size=6,
)
PURSES = st.builds(TokenBucket, calls=st.floats(-20, 200), at=st.just(NOW))


@given(STACKS, PURSES)
def test_something_is_always_asked_and_hints_always_are(
    stacks: list[PolledStack], purse: TokenBucket
) -> None:
    chosen = choose(stacks, purse, NOW)

    assert bool(chosen) == bool(stacks)
    assert {one.path for one in stacks if one.notified} <= set(chosen)


@given(STACKS, PURSES)
def test_no_step_is_nearer_than_a_second_nor_further_than_ten(
    stacks: list[PolledStack], purse: TokenBucket
) -> None:
    assert MIN_INTERVAL <= delay(stacks, purse, NOW) <= MAX_INTERVAL


def test_news_brings_the_next_look_nearer() -> None:
    with_news = PolledStack(path="a", polled_at=NOW, quiet=0)
    quiet = PolledStack(path="a", polled_at=NOW, quiet=3)

    assert with_news.due(NOW) < quiet.due(NOW)


def test_a_calm_stack_in_which_nothing_is_expected_can_wait() -> None:
    calm = PolledStack(path="a", polled_at=NOW, quiet=6)
    database = PolledStack(path="a", polled_at=NOW, quiet=6, expected=NOW + 300)

    assert database.due(NOW) > calm.due(NOW) + 5


def test_an_empty_purse_makes_steps_rarer_but_not_stop() -> None:
    poor = TokenBucket(-5, NOW)
    stacks = [PolledStack(path="a", polled_at=NOW - 60)]

    assert len(choose([*stacks, PolledStack(path="b", polled_at=NOW - 50)], poor, NOW)) == 1
    assert delay(stacks, poor, NOW) == MAX_INTERVAL


def test_a_purse_fills_and_holds_no_more_than_twenty_a_minute() -> None:
    eleven_minutes = TokenBucket.for_seconds(660).at_time(NOW)

    assert eleven_minutes.at_time(NOW + 660).calls <= 220
    assert eleven_minutes.spend(50).calls == eleven_minutes.calls - 50


@pytest.fixture(scope="module")
def followed() -> list[Seen]:
    """Deployments of the portal's own set, each the third of its account, followed to their ends."""
    graph = infra_graph()
    found = []
    for seed in range(2):
        world = World(graph, Random(seed))
        for _ in range(2):
            world.learn(world.deploy())
        happened = world.deploy()
        found.append(Poller(world, happened, by_forecast(world, happened)).run())
    return found


def test_on_aws_a_deployment_costs_twenty_calls_a_minute_on_average(followed: list[Seen]) -> None:
    assert sum(seen.calls for seen in followed) / sum(seen.seconds for seen in followed) * 60 <= 20


def test_on_aws_events_are_seen_within_seconds(followed: list[Seen]) -> None:
    assert sum(seen.mean for seen in followed) / len(followed) <= 4
    assert max(seen.p95 for seen in followed) <= 13
