"""The state of a resource is the same if its events arrive in any order, duplicated or late."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.stacks.rules.resource_state import ResourceState, StatusChange, apply
from tests.builders import START

STATUSES = [
    "CREATE_IN_PROGRESS",
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_COMPLETE",
]
EVENTS = [
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


def test_events_in_order_give_the_state_at_each_step() -> None:
    created = fold(EVENTS[:3])
    assert (created.status, created.physical_id) == ("CREATE_COMPLETE", "vpc-1")
    assert (created.started_at, created.ended_at) == (EVENTS[0].at, EVENTS[2].at)

    deleting = fold(EVENTS[:4])
    assert deleting.started_at == EVENTS[3].at
    assert deleting.ended_at is None


@given(st.permutations(EVENTS[:3]), st.lists(st.sampled_from(EVENTS[:3])))
def test_shuffled_and_doubled_events_of_one_operation_give_the_same_state(
    shuffled: list[StatusChange], again: list[StatusChange]
) -> None:
    assert fold([*shuffled, *again]) == fold(EVENTS[:3])


@given(st.permutations(EVENTS))
def test_the_newest_event_decides_in_any_order(shuffled: list[StatusChange]) -> None:
    node = fold(shuffled)
    assert (node.status, node.physical_id, node.ended_at) == ("DELETE_COMPLETE", "vpc-1", EVENTS[4].at)


@given(
    st.lists(
        st.builds(
            StatusChange,
            at=st.integers(0, 5).map(lambda second: START + timedelta(seconds=second)),
            status=st.sampled_from(STATUSES),
        ),
        min_size=1,
    )
)
def test_any_events_give_consistent_times(changes: list[StatusChange]) -> None:
    node = fold(changes)
    assert node.changed_at == max(change.at for change in changes)
    assert node.started_at is not None
    assert node.started_at <= node.changed_at


@given(st.sampled_from(STATUSES), st.sampled_from(STATUSES))
def test_events_of_the_same_time_give_the_same_state_in_both_orders(one: str, other: str) -> None:
    changes = [StatusChange(at=START, status=one), StatusChange(at=START, status=other)]
    assert fold(changes).status == fold(changes[::-1]).status
