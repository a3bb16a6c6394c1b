"""Events of several stacks are merged into one log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Stack
from deployments.steps.stack_poller import _new_events, in_order
from tests.builders import make_deployment, make_environment, make_stack, make_stack_event, stack_id
from tests.fakes import FakeAws


def test_a_nested_stack_ends_before_its_parent_reports_it_at_the_same_time() -> None:
    root, child = Stack(pk=1, depth=0), Stack(pk=2, depth=1)
    parent_events = [
        make_stack_event("Network", "DELETE_IN_PROGRESS", second=1),
        make_stack_event("Network", "DELETE_COMPLETE", second=2),
        make_stack_event("sanso-env", "DELETE_COMPLETE", second=2),
    ]
    child_events = [
        make_stack_event("net", "DELETE_IN_PROGRESS", second=1, stack="net"),
        make_stack_event("Vpc", "DELETE_COMPLETE", second=2, stack="net"),
        make_stack_event("net", "DELETE_COMPLETE", second=2, stack="net"),
    ]

    order = [
        (entry.event.logical_id, entry.event.status)
        for entry in in_order([(root, parent_events), (child, child_events)])
        if entry.event
    ]

    assert order == [
        ("Network", "DELETE_IN_PROGRESS"),
        ("net", "DELETE_IN_PROGRESS"),
        ("Vpc", "DELETE_COMPLETE"),
        ("net", "DELETE_COMPLETE"),
        ("Network", "DELETE_COMPLETE"),
        ("sanso-env", "DELETE_COMPLETE"),
    ]


@given(st.lists(st.lists(st.integers(0, 3), max_size=6).map(sorted), max_size=4))
def test_the_events_of_each_stack_keep_their_order(seconds: list[list[int]]) -> None:
    read = [
        (
            Stack(pk=pk, depth=pk),
            [make_stack_event(f"R{i}", "CREATE_COMPLETE", second=at) for i, at in enumerate(own)],
        )
        for pk, own in enumerate(seconds)
    ]

    merged = in_order(read)

    for stack, events in read:
        assert [e.event for e in merged if e.stack is stack] == events
    assert [e.at for e in merged] == sorted(e.at for e in merged)


@pytest.mark.django_db
def test_a_nested_stack_that_is_not_found_yet_is_polled_again() -> None:
    deployment = make_deployment(make_environment(), state=State.STACKS)
    never_read = make_stack(deployment, path="Network", stack_id=stack_id("Network"), settled=False)
    read = make_stack(
        deployment, path="Iam", stack_id=stack_id("Iam"), settled=False, bookmark="Role-CREATE_COMPLETE"
    )
    aws = FakeAws()  # without any stack

    assert _new_events(never_read, aws) == []
    assert _new_events(read, aws) == []

    assert list(Stack.objects.of(deployment).to_poll()) == [never_read]
