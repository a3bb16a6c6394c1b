"""The stacks to poll in each step, with few calls and little delay."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.polling import AWS, PolledStack, TokenBucket, choose, delay
from tests.simulated_deployments import World, infra_graph
from tests.simulated_polling import Poller, Seen, by_forecast

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
BUCKETS = st.builds(TokenBucket, calls=st.floats(-20, 200), at=st.just(NOW))


@given(STACKS, BUCKETS)
def test_every_step_polls_a_stack_and_every_notified_stack(
    stacks: list[PolledStack], bucket: TokenBucket
) -> None:
    chosen = choose(stacks, bucket, NOW)

    assert bool(chosen) == bool(stacks)
    assert {one.path for one in stacks if one.notified} <= set(chosen)


@given(STACKS, BUCKETS)
def test_the_delay_of_a_step_is_within_its_limits(stacks: list[PolledStack], bucket: TokenBucket) -> None:
    assert AWS.min_interval <= delay(stacks, bucket, NOW) <= AWS.max_interval


def test_a_stack_with_new_events_is_polled_sooner() -> None:
    with_news = PolledStack(path="a", polled_at=NOW, quiet=0)
    quiet = PolledStack(path="a", polled_at=NOW, quiet=3)

    assert with_news.due(NOW) < quiet.due(NOW)


def test_a_quiet_stack_is_polled_when_something_is_expected_in_it() -> None:
    quiet_stack = PolledStack(path="a", polled_at=NOW, quiet=6)
    database = PolledStack(path="a", polled_at=NOW, quiet=6, expected=NOW + 300)

    assert database.due(NOW) > quiet_stack.due(NOW) + 5


def test_an_empty_token_bucket_slows_polling_down_but_does_not_stop_it() -> None:
    empty = TokenBucket(-5, NOW)
    stacks = [PolledStack(path="a", polled_at=NOW - 60)]

    assert len(choose([*stacks, PolledStack(path="b", polled_at=NOW - 50)], empty, NOW)) == 1
    assert delay(stacks, empty, NOW) == AWS.max_interval


def test_a_token_bucket_refills_to_at_most_twenty_calls_a_minute() -> None:
    eleven_minutes = TokenBucket.for_seconds(660).at_time(NOW)

    assert eleven_minutes.at_time(NOW + 660).calls <= 220
    assert eleven_minutes.spend(50).calls == eleven_minutes.calls - 50


@pytest.fixture(scope="module")
def polled() -> list[Seen]:
    """Simulated deployments of the bundled set, each the third in its account, polled until they end."""
    graph = infra_graph()
    found = []
    for seed in range(2):
        world = World(graph, Random(seed))
        for _ in range(2):
            world.learn(world.deploy())
        happened = world.deploy()
        found.append(Poller(world, happened, by_forecast(world, happened)).run())
    return found


def test_on_aws_a_deployment_costs_twenty_calls_a_minute_on_average(polled: list[Seen]) -> None:
    assert sum(seen.calls for seen in polled) / sum(seen.seconds for seen in polled) * 60 <= 20


def test_on_aws_events_are_read_within_seconds(polled: list[Seen]) -> None:
    assert sum(seen.mean for seen in polled) / len(polled) <= 4
    assert max(seen.p95 for seen in polled) <= 13
