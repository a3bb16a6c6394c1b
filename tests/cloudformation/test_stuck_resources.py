"""The resources on which a rollback or deletion is stuck, and those that CloudFormation can leave out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.change_summary import surely_changed
from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.drift import is_changed, is_updated
from deployments.cloudformation.stuck_resources import (
    ListedResource,
    ListedStack,
    StuckResource,
    retained_by_stack,
    stuck_in,
    unreconciled,
)

NESTED = "AWS::CloudFormation::Stack"


def resource(logical_id: str, status: str, *, reason: str = "no", **more: str) -> ListedResource:
    return ListedResource(
        logical_id=logical_id,
        physical_id=f"{logical_id}-1",
        type=more.get("type", "AWS::SNS::Topic"),
        status=status,
        reason=reason,
    )


def stack(path: str, status: str, *resources: ListedResource) -> ListedStack:
    return ListedStack(
        path=path,
        name=f"sanso-{path.replace('/', '-')}".rstrip("-"),
        stack_id=f"arn:{path}",
        status=status,
        resources=resources,
        failed_in_rollback=frozenset(one.logical_id for one in resources if one.logical_id != "First"),
    )


def keys(*stacks: ListedStack) -> list[tuple[str, str]]:
    return [(one.key, one.skip_name) for one in stuck_in(stacks)]


def test_resources_that_failed_in_the_rollback_can_be_skipped_by_their_name_in_their_own_stack() -> None:
    found = keys(
        stack(
            "",
            "UPDATE_ROLLBACK_FAILED",
            resource("Topic", "UPDATE_FAILED"),
            resource("Inner", "UPDATE_FAILED", type=NESTED),
            resource("Fine", "UPDATE_COMPLETE"),
        ),
        stack(
            "Inner",
            "UPDATE_ROLLBACK_FAILED",
            resource("Deep", "UPDATE_FAILED", type=NESTED),
            resource("Named", "UPDATE_FAILED"),
        ),
        stack("Inner/Deep", "UPDATE_ROLLBACK_FAILED", resource("Queue", "UPDATE_FAILED")),
    )
    assert found == [
        ("Inner/Deep/Queue", "sanso-Inner-Deep.Queue"),
        ("Inner/Named", "sanso-Inner.Named"),
        ("Topic", "Topic"),
    ]


def test_resources_that_failed_before_the_rollback_or_were_canceled_cannot_be_skipped() -> None:
    root = stack(
        "",
        "UPDATE_ROLLBACK_FAILED",
        resource("First", "UPDATE_FAILED"),
        resource("Canceled", "UPDATE_FAILED", reason="Resource update cancelled"),
        resource("Stuck", "UPDATE_FAILED"),
    )
    assert [one.logical_id for one in stuck_in([root])] == ["Stuck"]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("DELETE_COMPLETE", ["Inner"]),
        ("DELETE_FAILED", ["Inner"]),
        ("DELETE_IN_PROGRESS", ["Inner"]),
        ("UPDATE_ROLLBACK_COMPLETE", []),
        ("UPDATE_FAILED", []),
    ],
)
def test_a_nested_stack_itself_can_be_skipped_only_if_it_is_deleted(status: str, found: list[str]) -> None:
    root = stack("", "UPDATE_ROLLBACK_FAILED", resource("Inner", "UPDATE_FAILED", type=NESTED))
    assert [one.key for one in stuck_in([root, stack("Inner", status)])] == found


def test_of_a_failed_deletion_the_deepest_resources_are_named() -> None:
    root = stack(
        "",
        "DELETE_FAILED",
        resource("Inner", "DELETE_FAILED", type=NESTED),
        resource("Other", "DELETE_FAILED", type=NESTED),
        resource("Gone", "DELETE_COMPLETE"),
    )
    inner = stack("Inner", "DELETE_FAILED", resource("Named", "DELETE_FAILED"))
    assert [one.key for one in stuck_in([root, inner])] == ["Inner/Named", "Other"]


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "ROLLBACK_FAILED", "UPDATE_FAILED", "DELETE_COMPLETE"])
def test_in_other_statuses_nothing_is_stuck(status: str) -> None:
    assert stuck_in([stack("", status, resource("Topic", "UPDATE_FAILED"))]) == ()
    assert stuck_in([]) == ()


def one_stuck(path: str, logical_id: str) -> StuckResource:
    return StuckResource(
        path=path,
        stack_name=path or "root",
        stack_id=path,
        logical_id=logical_id,
        physical_id="",
        type="",
        reason="",
    )


names = st.text("ABC", min_size=1, max_size=2)
resources = st.builds(one_stuck, st.lists(names, max_size=3).map("/".join), names)


@given(st.lists(resources, max_size=8))
def test_nested_stacks_are_deleted_before_those_around_them(chosen: list[StuckResource]) -> None:
    order = list(retained_by_stack(chosen))
    depths = [path.count("/") + 1 if path else 0 for path in order]
    assert depths == sorted(depths, reverse=True)
    assert sum(map(len, retained_by_stack(chosen).values())) == len(chosen)


@given(resources)
def test_a_stored_stuck_resource_is_read_again(one: StuckResource) -> None:
    assert StuckResource.from_json(one.as_json()) == one


@given(st.lists(resources, max_size=6), st.lists(names, max_size=4))
def test_a_skipped_resource_is_reconciled_only_by_a_change_of_itself(
    skipped: list[StuckResource], changed: list[str]
) -> None:
    left = unreconciled(skipped, changed)
    assert {one.key for one in left} == {one.key for one in skipped} - set(changed)


def test_probably_unchanged_resources_and_stacks_around_reconcile_nothing() -> None:
    changes = Changes(
        resources=(
            ChangedResource(path="Inner", action="modify", type=NESTED, effect=Effect.STACK.value),
            ChangedResource(path="Inner/Named", action="modify", effect=Effect.UNCHANGED.value),
            ChangedResource(path="Inner/Last", action="modify", effect=Effect.UPDATED.value),
            ChangedResource(path="Topic", action="remove", effect=Effect.REMOVED.value),
        )
    )
    assert surely_changed(changes) == ["Inner/Last", "Topic"]


@pytest.mark.parametrize(
    ("known", "status", "updated", "changed"),
    [
        ({}, "UPDATE_COMPLETE", "1", False),
        ({}, "REVIEW_IN_PROGRESS", "", False),
        ({}, "UPDATE_IN_PROGRESS", "2", True),
        ({"status": "UPDATE_COMPLETE", "updated": "1"}, "UPDATE_COMPLETE", "1", False),
        ({"status": "UPDATE_COMPLETE", "updated": "1"}, "UPDATE_COMPLETE", "2", True),
        ({"status": "CREATE_COMPLETE", "updated": ""}, "DELETE_FAILED", "", True),
    ],
)
def test_a_stack_is_changed_outside_when_it_is_not_as_sanso_left_it(
    known: dict[str, str], status: str, updated: str, changed: bool
) -> None:
    seen = {"status": status, "updated": updated}
    assert is_changed(known, seen) is changed
    assert is_updated(known, seen) is (bool(updated) and updated != known.get("updated", ""))
