"""Forecasts: the range contains the real end, at any point of a deployment."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.dependencies import Edge, Graph
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.schedule import Schedule, Span
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.usual_durations import (
    DurationHistory,
    DurationSource,
    PastDuration,
    UsualDuration,
    learn,
    prior,
)
from deployments.environments.rules.timings import SIMULATED_SCALE
from deployments.stacks.rules.forecast import is_slow, project
from tests.simulated_deployments import World, honesty, infra_graph

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return infra_graph()


def test_after_a_minute_the_real_end_is_in_the_range_four_times_out_of_five(graph: Graph) -> None:
    found = honesty(World(graph, Random(5)), 30, every=45)

    assert found.requested > 300
    assert found.coverage >= 0.8
    assert found.median_error < 0.25


def test_the_first_deployment_is_forecast_to_take_about_eleven_minutes(graph: Graph) -> None:
    world = World(graph, Random(1))
    ((_, forecast),) = world.forecasts(world.deploy(), [0])

    end, low, high = forecast.in_seconds(0)

    assert 9 * 60 < end < 14 * 60
    assert 7 * 60 < low < end < high < 20 * 60
    assert forecast.runs == 0


def test_history_makes_the_range_narrower(graph: Graph) -> None:
    world = World(graph, Random(2))
    ((_, first),) = world.forecasts(world.deploy(), [0])
    for _ in range(8):
        world.learn(world.deploy())
    ((_, later),) = world.forecasts(world.deploy(), [0])

    assert later.high - later.low < first.high - first.low
    assert later.runs == 8


def test_a_forecast_is_reproducible(graph: Graph) -> None:
    world = World(graph, Random(3))
    happened = world.deploy()

    assert list(world.forecasts(happened, [0, 200])) == list(world.forecasts(happened, [0, 200]))


SPANS = st.tuples(st.integers(-100, 10**6), st.integers(-100, 10**6)).map(sorted)
KNOWN = st.dictionaries(
    st.sampled_from(["", "A", "B", "S", "S/C", "@ready", "Nowhere"]),
    st.one_of(
        SPANS.map(lambda both: Span(both[0], both[1])),
        st.integers(0, 10**6).map(lambda start: Span(start, None)),
        st.just(Span()),
    ),
)
USUAL = st.dictionaries(
    st.sampled_from(["", "A", "B", "S", "S/C", "@ready"]),
    st.tuples(st.floats(0, 10**5), st.floats(0, 10**5), st.floats(0, 10**5), st.integers(0, 9)).map(
        lambda four: UsualDuration(*four)
    ),
)


@given(KNOWN, USUAL, st.integers(0, 10**6))
def test_the_forecast_end_is_never_in_the_past(
    known: dict[str, Span], usual: dict[str, UsualDuration], now: int
) -> None:
    edges = {"B": [Edge("A", "Ref"), Edge("S", "GetAtt")], "A": [Edge("B", "Ref")]}
    plan = Schedule({"A": "T", "B": "T", "S": STACK, "S/C": "T"}, edges, after=("@ready",))

    found = project(plan, usual, known, float(now))

    ended = known.get("@ready", Span()).end
    assert found.forecast.low <= found.forecast.end <= found.forecast.high
    assert found.forecast.end >= min(now, now if ended is None else ended)


def test_the_time_already_taken_counts_in_the_forecast() -> None:
    plan = Schedule({"A": "T"}, {})
    usual = {"A": UsualDuration(100, 80, 125, 9, DurationSource.HERE.value)}

    begun = project(plan, usual, {"": Span(0), "A": Span(0)}, 90_000).forecast
    overdue = project(plan, usual, {"": Span(0), "A": Span(0)}, 300_000).forecast

    assert 90_000 <= begun.low <= begun.end < 140_000
    assert 300_000 < overdue.end < 480_000  # in proportion to the elapsed time


def test_slow_resources_make_the_forecast_of_the_others_slower() -> None:
    plan = Schedule(dict.fromkeys("ABCDE", "T"), {"E": [Edge(p, "Ref") for p in "ABCD"]})
    usual = {path: UsualDuration(100, 90, 111, 9, DurationSource.HERE.value) for path in "ABCDE"}
    begun = {"": Span(0)} | {path: Span(0, 160_000) for path in "ABCD"} | {"E": Span(160_000)}

    assert project(plan, usual, begun, 160_000).forecast.end > 160_000 + 110_000


@pytest.mark.parametrize(
    ("usual", "seconds", "slow"),
    [
        pytest.param(UsualDuration(100, 80, 125, 5, "here"), 150, True, id="beyond-nine-of-ten"),
        pytest.param(UsualDuration(100, 80, 125, 5, "here"), 130, False, id="within-reach"),
        pytest.param(UsualDuration(100, 80, 125, 0, "prior"), 900, False, id="no-history"),
        pytest.param(UsualDuration(0.5, 0.4, 0.6, 5, "here"), 2, False, id="a-moment"),
        pytest.param(None, 900, False, id="nothing-known"),
    ],
)
def test_a_resource_is_slow_when_it_takes_longer_than_its_history(
    usual: UsualDuration | None, seconds: float, slow: bool
) -> None:
    assert is_slow(usual, seconds) is slow


def test_the_closest_history_is_used() -> None:
    taken = [
        PastDuration("Db", "AWS::RDS::DBInstance", 400, here=True),
        PastDuration("Other", "AWS::RDS::DBInstance", 300, here=True),
        PastDuration("Db", "AWS::RDS::DBInstance", 900, here=False),
        PastDuration("Net", "AWS::EC2::VPC", 30, here=False),
    ]
    history = DurationHistory(taken, OperationKind.CREATE)

    near = history.of("Db", "AWS::RDS::DBInstance")
    assert near.source == "here"
    assert near.seconds == pytest.approx(400)
    assert history.of("Third", "AWS::RDS::DBInstance").source == "type"
    assert history.of("Net", "AWS::EC2::VPC").source == "kind"
    assert history.of("New", "AWS::EC2::NatGateway").source == "prior"


def test_the_history_of_a_custom_resource_is_not_used_for_another() -> None:
    history = DurationHistory([PastDuration("One", "Custom::Thing", 500, here=True)], OperationKind.CREATE)

    assert history.of("One", "Custom::Thing").source == "here"
    assert history.of("Two", "Custom::Thing").source == "prior"


def test_few_runs_make_a_wide_range() -> None:
    once, often = learn([100], DurationSource.HERE), learn([100] * 30, DurationSource.HERE)

    assert once.high / once.low > often.high / often.low
    assert once.runs == 1


@given(st.lists(st.floats(0, 10**6), min_size=1, max_size=60))
def test_a_usual_duration_is_ordered_and_can_be_stored_in_a_row_and_read_again(seconds: list[float]) -> None:
    usual = learn(seconds, DurationSource.TYPE)

    assert 0 < usual.low <= usual.seconds <= usual.high
    kept = UsualDuration.from_row(usual.as_row())
    assert kept is not None
    assert kept.seconds == pytest.approx(usual.seconds, abs=0.01)
    assert UsualDuration.from_row(["x"]) is None


def test_durations_in_the_sandbox_have_its_time_scale() -> None:
    on_aws = prior("Db", "AWS::RDS::DBInstance", OperationKind.CREATE)
    here = prior("Db", "AWS::RDS::DBInstance", OperationKind.CREATE, SIMULATED_SCALE)

    assert here.seconds == pytest.approx(on_aws.seconds / 12)
    assert (
        "COMPRESSION: Final = 1 / 12"
        in (ROOT / "portal/sandbox/sanso_sandbox/engine/time_scale.py").read_text()
    )
    assert prior("Db", "AWS::RDS::DBInstance", OperationKind.DELETE).seconds < on_aws.seconds
