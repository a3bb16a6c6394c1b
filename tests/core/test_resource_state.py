"""Events in any order, doubled or late, make the same state."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.core.resource_state import ResourceState, StatusChange, apply
from tests.builders import START

WORDS = [
    "CREATE_IN_PROGRESS",
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_COMPLETE",
]
LIFE = [
    StatusChange(at=START + timedelta(seconds=second), status=status, physical_id=physical)
    for second, (status, physical) in enumerate(
        [
            ("CREATE_IN_PROGRESS", ""),
            ("CREATE_IN_PROGRESS", "vpc-1"),
            ("CREATE_COMPLETE", "vpc-1"),
            ("DELETE_IN_PROGRESS", "vpc-1"),
            ("DELETE_COMPLETE", "vpc-1"),
        ]
    )
]


def fold(changes: list[StatusChange]) -> ResourceState:
    node = ResourceState()
    for change in changes:
        node = apply(node, change)
    return node


def test_a_life_told_in_order() -> None:
    created = fold(LIFE[:3])
    assert (created.status, created.physical_id) == ("CREATE_COMPLETE", "vpc-1")
    assert (created.started_at, created.ended_at) == (LIFE[0].at, LIFE[2].at)

    deleting = fold(LIFE[:4])
    assert deleting.started_at == LIFE[3].at
    assert deleting.ended_at is None


@given(st.permutations(LIFE[:3]), st.lists(st.sampled_from(LIFE[:3])))
def test_shuffled_and_doubled_events_of_one_operation_give_the_same_state(
    shuffled: list[StatusChange], again: list[StatusChange]
) -> None:
    assert fold([*shuffled, *again]) == fold(LIFE[:3])


@given(st.permutations(LIFE))
def test_the_newest_event_decides_whatever_the_order(shuffled: list[StatusChange]) -> None:
    node = fold(shuffled)
    assert (node.status, node.physical_id, node.ended_at) == ("DELETE_COMPLETE", "vpc-1", LIFE[4].at)


@given(
    st.lists(
        st.builds(
            StatusChange,
            at=st.integers(0, 5).map(lambda second: START + timedelta(seconds=second)),
            status=st.sampled_from(WORDS),
        ),
        min_size=1,
    )
)
def test_no_events_crash_it_or_turn_time_back(changes: list[StatusChange]) -> None:
    node = fold(changes)
    assert node.changed_at == max(change.at for change in changes)
    assert node.started_at is not None
    assert node.started_at <= node.changed_at


@given(st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_events_of_one_instant_give_the_same_state_in_both_orders(one: str, other: str) -> None:
    changes = [StatusChange(at=START, status=one), StatusChange(at=START, status=other)]
    assert fold(changes).status == fold(changes[::-1]).status
