"""The rows of the waterfall: expanded, slow and hidden ones, for any stored rows."""

from __future__ import annotations

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.cloudformation.timeline import runs
from deployments.cloudformation.usual_durations import UsualDuration
from deployments.deployment_pages.pages.waterfall import row_html
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.tree import TreeNode, build_tree
from deployments.stacks.models.stacks import Stack
from deployments.stacks.models.timeline import TimelineRow
from tests.deployment_pages.pages.waterfall.builders import AXIS, T0, row_builder, row_of, stack
from tests.deployment_pages.pages.waterfall.stored_rows import STACKS


@given(STACKS, st.sampled_from(list(Kind)))
@settings(max_examples=40, deadline=None)
def test_any_stored_rows_can_be_rendered(stacks: tuple[Stack, ...], kind: Kind) -> None:
    tree = build_tree(kind, stacks)
    rows = RowBuilder(tree=tree, lines={}, now=T0).all()

    assert len(rows) == len(tree.nodes)
    assert len({row.path for row in rows}) == len(rows)
    for row in rows:
        html = row_html.row(row, AXIS, T0, "en")
        assert "<b>" not in html
        assert "<i>" not in html
    assert all(count.done <= count.total for count in tree.counts.values())


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("", False),
        ("CREATE_IN_PROGRESS", True),
        ("CREATE_FAILED", True),
        ("ROLLBACK_IN_PROGRESS", True),
        ("CREATE_COMPLETE", False),
        ("DELETE_COMPLETE", False),
    ],
)
def test_a_stack_is_expanded_while_it_is_in_progress_or_failed(status: str, is_open: bool) -> None:
    assert row_of("A", row_builder(stack("A", status))).open is is_open


def test_the_stacks_around_the_first_failure_are_expanded_after_the_rollback() -> None:
    builder = row_builder(
        stack("A", "DELETE_COMPLETE"),
        stack("A/B", "DELETE_COMPLETE"),
        TreeNode(path="A/B/Broken", status="DELETE_COMPLETE"),
        stack("C", "DELETE_COMPLETE"),
        focus="A/B/Broken",
    )
    assert [row.path for row in builder.all() if not row.open] == ["C"]
    assert not row_of("A/B/Broken", builder).hidden


def test_a_row_that_takes_longer_than_usual_is_marked_as_slow() -> None:
    changes: list[list[int | str]] = [[T0 - 90_000, "CREATE_IN_PROGRESS"]]
    line = TimelineRow(
        path="Db",
        type="AWS::RDS::DBInstance",
        status="CREATE_IN_PROGRESS",
        runs=runs(changes),
        usual=UsualDuration(40, 35, 50, 4, "here"),
        is_slow=True,
    )
    node = TreeNode(path="Db", status="CREATE_IN_PROGRESS", changes=changes, started=T0 - 90_000)
    row = row_of("Db", row_builder(node, lines={"Db": line}))

    assert [*(row.ghost or ())] == [T0 - 90_000, T0 - 50_000]
    row_html.texts_of.cache_clear()
    with translation.override("en"):
        html = row_html.row(row, AXIS, T0, "en")
    assert "slower than usual (0:40)" in html
    assert "usually 0:40" in html


def test_without_history_no_row_is_slow() -> None:
    line = TimelineRow(path="Db", type="", usual=UsualDuration(40, 35, 50, 0, "prior"))
    node = TreeNode(path="Db", status="CREATE_IN_PROGRESS", started=T0, changes=[[T0, "CREATE_IN_PROGRESS"]])
    row = row_of("Db", row_builder(node, lines={"Db": line}))

    assert (row.ghost, row.usual, row.is_slow) == (None, None, False)
