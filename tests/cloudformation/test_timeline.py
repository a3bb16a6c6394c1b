"""Intervals and runs from status changes that arrive in any order."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.timeline import Interval, intervals, of_stack, run_of, runs, totals, union

STATUSES = st.sampled_from(
    [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "DELETE_FAILED",
        "REVIEW_IN_PROGRESS",
        "SOMETHING_NEW",
        "",
    ]
)
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), STATUSES).map(list), max_size=12)
Kept = list[list[int | str]]
ANYTHING: st.SearchStrategy[Any] = st.lists(
    st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.none()), max_size=3), max_size=6
)


@given(CHANGES, st.data())
def test_shuffled_duplicated_and_late_changes_give_the_same_intervals(
    changes: list[list[int | str]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(changes + changes[: len(changes) // 2]))
    first, late = shuffled[::2], shuffled[1::2]

    arrived = union(union([], first), late)

    assert arrived == union(changes)
    assert intervals(arrived) == intervals(changes)


@given(CHANGES)
def test_intervals_do_not_overlap_and_only_the_last_is_open(changes: list[list[int | str]]) -> None:
    found = intervals(changes)

    for before, after in pairwise(found):
        assert before.end is not None
        assert before.start <= before.end <= after.start


@given(ANYTHING)
@example([[math.inf, "CREATE_COMPLETE"], [math.nan, ""], [10**400, ""]])
def test_any_input_gives_intervals(changes: Any) -> None:
    runs(changes)
    of_stack(changes, [changes])
    union(changes)


def test_a_second_event_of_the_same_status_changes_nothing() -> None:
    once: Kept = [[1000, "CREATE_IN_PROGRESS"], [9000, "CREATE_COMPLETE"]]
    with_physical_id: Kept = [*once, [2000, "CREATE_IN_PROGRESS"]]

    assert intervals(with_physical_id) == intervals(once) == (Interval("CREATE_IN_PROGRESS", 1000, 9000),)


def test_a_creation_ends_where_its_rollback_begins() -> None:
    found = runs(
        [
            [1000, "CREATE_IN_PROGRESS"],
            [5000, "ROLLBACK_IN_PROGRESS"],
            [8000, "ROLLBACK_COMPLETE"],
        ]
    )

    assert [(run.operation, run.start, run.end) for run in found] == [
        (OperationKind.CREATE, 1000, 5000),
        (OperationKind.ROLLBACK, 5000, 8000),
    ]


def test_an_update_after_a_creation_is_a_separate_run() -> None:
    changes: Kept = [
        [0, "CREATE_IN_PROGRESS"],
        [1000, "CREATE_COMPLETE"],
        [60_000, "UPDATE_IN_PROGRESS"],
        [61_000, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"],
        [63_000, "UPDATE_COMPLETE"],
    ]

    update = run_of(changes, OperationKind.UPDATE)

    assert update is not None
    assert update.complete
    assert update.seconds == 3
    assert [one.status for one in update.intervals] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    ]


def test_an_end_without_a_start_has_no_duration() -> None:
    assert intervals([[7000, "CREATE_COMPLETE"]]) == (Interval("CREATE_COMPLETE", 7000, 7000),)


def test_a_stack_without_events_spans_its_resources() -> None:
    below: list[Kept] = [
        [[1000, "CREATE_IN_PROGRESS"], [2000, "CREATE_COMPLETE"]],
        [[1500, "CREATE_IN_PROGRESS"]],
    ]

    assert of_stack([], below) == (Interval("CREATE_IN_PROGRESS", 1000, None),)
    assert totals(intervals(below[0])).busy == 1000
