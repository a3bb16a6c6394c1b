"""The bars of a row: one for each operation, with its final status."""

from __future__ import annotations

import pytest

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages.display.waterfall.bars import Bar, bars_of, summary
from deployments.stacks.display.tree import TreeNode
from tests.deployment_pages.pages.waterfall.builders import T0


def test_an_operation_has_a_bar_for_each_status_until_its_end() -> None:
    changes: list[list[int | str]] = [
        [T0, "UPDATE_IN_PROGRESS"],
        [T0 + 5_000, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"],
        [T0 + 8_000, "UPDATE_COMPLETE"],
    ]
    bars = bars_of(TreeNode(path="A", status="UPDATE_COMPLETE", changes=changes))

    assert bars == (
        Bar(T0, T0 + 5_000, DisplayStatus.DONE),
        Bar(T0 + 5_000, T0 + 8_000, DisplayStatus.SETTLING),
    )


def test_a_failed_creation_keeps_its_bar_after_the_rollback() -> None:
    changes: list[list[int | str]] = [
        [T0, "CREATE_IN_PROGRESS"],
        [T0 + 4_000, "CREATE_FAILED"],
        [T0 + 6_000, "DELETE_IN_PROGRESS"],
        [T0 + 9_000, "DELETE_COMPLETE"],
    ]
    bars = bars_of(TreeNode(path="A", status="DELETE_COMPLETE", changes=changes))

    assert [(bar.status, bar.start, bar.end) for bar in bars] == [
        (DisplayStatus.FAILED, T0, T0 + 4_000),
        (DisplayStatus.ROLLED_BACK, T0 + 6_000, T0 + 9_000),
    ]


@pytest.mark.parametrize(
    ("is_stack", "expected"), [(True, DisplayStatus.FAILED), (False, DisplayStatus.CANCELLED)]
)
def test_an_interrupted_creation_ends_where_the_deletion_begins(
    is_stack: bool, expected: DisplayStatus
) -> None:
    changes: list[list[int | str]] = [[T0, "CREATE_IN_PROGRESS"], [T0 + 4_000, "DELETE_IN_PROGRESS"]]
    node = TreeNode(path="A", status="DELETE_IN_PROGRESS", changes=changes, is_stack=is_stack)

    assert bars_of(node) == (Bar(T0, T0 + 4_000, expected), Bar(T0 + 4_000, None, DisplayStatus.ROLLING_BACK))


def test_an_operation_in_progress_has_a_bar_without_end() -> None:
    node = TreeNode(path="A", status="CREATE_IN_PROGRESS", changes=[[T0, "CREATE_IN_PROGRESS"]])
    assert bars_of(node) == (Bar(T0, None, DisplayStatus.PROGRESS),)


def test_a_row_of_an_earlier_release_has_a_bar_from_its_times() -> None:
    old = TreeNode(path="A", status="CREATE_COMPLETE", started=T0, ended=T0 + 1)
    assert bars_of(old) == (Bar(T0, T0 + 1, DisplayStatus.DONE),)


def test_the_bars_inside_a_stack_are_merged_with_failures_last() -> None:
    line = summary(
        [],
        [
            [Bar(T0, T0 + 10_000, DisplayStatus.DONE)],
            [Bar(T0 + 9_000, T0 + 20_000, DisplayStatus.DONE)],
            [Bar(T0 + 30_000, T0 + 40_000, DisplayStatus.FAILED)],
            [Bar(T0 + 35_000, None, DisplayStatus.PROGRESS)],
        ],
    )

    assert line == (
        Bar(T0, T0 + 20_000, DisplayStatus.DONE),
        Bar(T0 + 35_000, None, DisplayStatus.PROGRESS),
        Bar(T0 + 30_000, T0 + 40_000, DisplayStatus.FAILED),
    )
