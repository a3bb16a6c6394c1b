"""The critical path: a chain of dependencies that ends with the deployment, for any order of the input."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.dependencies import Edge, stacks_around
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.schedule import Schedule, ScheduleState, Span
from deployments.stacks.rules.critical_path import critical_path

PATHS = ["A", "B", "C", "S", "S/D", "S/E", "S/T", "S/T/F", "U", "U/G"]
STACKS = {"S", "S/T", "U"}
EDGES = st.dictionaries(
    st.sampled_from(PATHS), st.lists(st.sampled_from(PATHS).map(lambda p: Edge(p, "Ref")), max_size=3)
)
TYPES = {path: STACK if path in STACKS else "T" for path in PATHS}
SECONDS = st.lists(st.integers(0, 500), min_size=20, max_size=20)


def simulated_spans(plan: Schedule, seconds: list[int]) -> dict[str, Span]:
    """Return the span of each part, given the parts' durations."""
    times = ScheduleState.of(plan, {}, 0.0).simulate([*map(float, seconds)], 0.0)
    return {path: Span(times[2 * n], times[2 * n + 1]) for path, n in plan.number.items()}


@given(EDGES, SECONDS)
def test_each_part_of_the_chain_waits_for_the_one_before_it(
    edges: dict[str, list[Edge]], seconds: list[int]
) -> None:
    plan = Schedule(TYPES, edges, before=("@preflight",), after=("@ready",))

    chain = critical_path(plan, simulated_spans(plan, seconds)).chain

    assert len(set(chain)) == len(chain)
    for before, after in pairwise(chain):
        needed = set(plan.needs.get(after, ()))
        if not after.startswith("@"):
            for around in (*stacks_around(after), ""):
                needed |= set(plan.needs.get(around, ()))
        holders = {before} if before.startswith("@") else {before, *stacks_around(before), ""}
        assert needed & holders


@given(EDGES, SECONDS)
def test_the_chain_ends_with_the_last_part(edges: dict[str, list[Edge]], seconds: list[int]) -> None:
    plan = Schedule(TYPES, edges)
    spans = simulated_spans(plan, seconds)

    chain = critical_path(plan, spans).chain

    assert spans[chain[-1]].end == max(
        span.end or 0 for path, span in spans.items() if not plan.inside.get(path) and path
    )


@given(EDGES, SECONDS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    edges: dict[str, list[Edge]], seconds: list[int], random: Random
) -> None:
    plan = Schedule(TYPES, edges)
    spans = simulated_spans(plan, seconds)
    keys = list(spans)
    random.shuffle(keys)

    reordered = Schedule(
        dict(reversed(TYPES.items())), {path: own[::-1] for path, own in reversed(edges.items())}
    )

    assert critical_path(reordered, {key: spans[key] for key in keys}) == critical_path(plan, spans)


@given(EDGES, st.booleans())
def test_a_schedule_contains_every_start_and_end_whatever_the_edges(
    edges: dict[str, list[Edge]], backwards: bool
) -> None:
    plan = Schedule(TYPES, edges, backwards=backwards)

    assert sorted(event for event, _ in plan.events) == list(range(2 * len(plan.parts)))


def test_the_chain_leads_through_the_nested_stack_that_was_waited_for() -> None:
    edges = {"B": [Edge("S", "GetAtt")], "S/E": [Edge("S/D", "Ref")]}
    plan = Schedule({"A": "T", "B": "T", "S": STACK, "S/D": "T", "S/E": "T"}, edges, after=("@ready",))
    spans = {
        "A": Span(0, 4000),
        "S": Span(0, 9000),
        "S/D": Span(0, 5000),
        "S/E": Span(5000, 8000),
        "B": Span(9000, 12000),
        "@ready": Span(12500, 13000),
    }

    found = critical_path(plan, spans)

    assert found.chain == ("S/D", "S/E", "B", "@ready")
    assert "S" in found.marked
    assert "A" not in found.marked


def test_an_empty_schedule_has_no_critical_path() -> None:
    assert critical_path(Schedule({}, {}), {}).chain == ()
