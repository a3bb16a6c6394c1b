"""The comparison of two deployments: real differences, without noise."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.status import display_status
from deployments.deployment_pages.rules.comparison import ChangedParameter, ComparedPart, Difference, compare


def part(
    path: str, began: float | None, seconds: float | None, status: str = "CREATE_COMPLETE"
) -> ComparedPart:
    return ComparedPart(
        path=path,
        type="AWS::X::Y",
        began=began,
        seconds=seconds,
        status=status,
        result=display_status(status),
    )


GOOD = [part("", 0, 100), part("Data", 5, 90), part("Data/Cluster", 10, 80), part("Web", 5, 30)]


def test_the_first_difference_is_the_first_resource_with_another_result() -> None:
    bad = [
        part("", 0, 60, "ROLLBACK_COMPLETE"),
        part("Data", 5, 50, "CREATE_FAILED"),
        part("Data/Cluster", 10, 40, "CREATE_FAILED"),
        part("Web", 5, 31),
    ]
    found = compare(GOOD, bad, {"A": "1", "B": "2"}, {"A": "1", "B": "3", "C": "4"})

    assert found.divergence is not None
    assert found.divergence.path == "Data/Cluster"
    assert found.parameters == (
        ChangedParameter(name="B", first="2", second="3"),
        ChangedParameter(name="C", first=None, second="4"),
    )
    assert found.counts[Difference.STATUS] == 3


def test_the_first_difference_is_a_slower_resource_when_all_results_are_the_same() -> None:
    slow = [part("", 0, 190), part("Data", 5, 180), part("Data/Cluster", 10, 170), part("Web", 5, 30)]
    found = compare(GOOD, slow, {}, {})

    assert found.divergence is not None
    assert (found.divergence.path, found.divergence.difference) == ("Data/Cluster", Difference.SLOWER)
    assert found.divergence.change == 90


def test_differences_of_one_or_two_seconds_are_ignored() -> None:
    same = [part("", 0, 101), part("Data", 5, 91.5), part("Data/Cluster", 10, 81), part("Web", 5, 31)]
    assert compare(GOOD, same, {}, {}).divergence is None


def test_a_resource_in_only_one_deployment_is_a_difference() -> None:
    found = compare(GOOD, [*GOOD, part("Queue", 3, 1)], {}, {})
    assert found.divergence is not None
    assert (found.divergence.path, found.divergence.difference) == ("Queue", Difference.ONLY_SECOND)


Parts = tuple[ComparedPart, ...]
paths = st.lists(st.sampled_from(["", "A", "A/B", "A/B/C", "D", "D/E"]), unique=True)
parts = paths.flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                part,
                st.just(name),
                st.none() | st.floats(0, 1e4),
                st.none() | st.floats(0, 1e4),
                st.sampled_from(["", "CREATE_COMPLETE", "CREATE_FAILED"]),
            )
            for name in names
        )
    )
)


@given(parts, parts, st.randoms())
def test_the_order_does_not_matter_and_swapping_the_deployments_swaps_the_differences(
    first: Parts, second: Parts, random: Random
) -> None:
    found = compare(first, second, {}, {})
    shuffled = list(second)
    random.shuffle(shuffled)
    swapped = compare(second, first, {}, {})

    assert compare(first, shuffled, {}, {}) == found
    assert (swapped.divergence is None) == (found.divergence is None)
    assert swapped.counts[Difference.SLOWER] == found.counts[Difference.FASTER]


@given(parts)
def test_a_deployment_does_not_differ_from_itself(one: Parts) -> None:
    found = compare(one, one, {"A": "1"}, {"A": "1"})
    assert found.divergence is None
    assert found.parameters == ()
