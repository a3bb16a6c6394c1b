"""When events stay throttled at the end of a deployment, its last statuses are listed instead."""

from __future__ import annotations

import pytest

from deployments.aws.cloudformation import ResourceView
from deployments.common.errors import AwsRetryable
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from tests.fakes import FakeAws
from tests.stepping import run

EVENTS = "cloudformation:DescribeStackEvents"


def throttle_at_the_end(removal: Deployment, aws: FakeAws) -> None:
    """Run a deletion until its root stack is deleted, and throttle further reads of events."""

    def is_deleted(_row: Deployment) -> bool:
        return all(stack.status == "DELETE_COMPLETE" for stack in aws.stacks.values() if not stack.parent)

    run(removal, aws, until=is_deleted)
    assert Stack.objects.get(deployment=removal, path="").status != "DELETE_COMPLETE"
    aws.fail(EVENTS, *[AwsRetryable("Throttling", "Rate exceeded", EVENTS)] * 100)


def test_a_throttled_delete_ends_with_its_last_statuses(
    removal: Deployment, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle_at_the_end(removal, aws)

    ended = run(removal, aws)

    assert ended.state == State.SUCCEEDED
    stacks = Stack.objects.of(ended)
    assert set(stacks.values_list("status", flat=True)) == {"DELETE_COMPLETE"}
    resources = Resource.objects.filter(stack__in=stacks)
    assert set(resources.values_list("status", flat=True)) == {"DELETE_COMPLETE"}
    last = Event.objects.of(ended).filter(source="cloudformation").last()
    assert last
    assert last.status == "DELETE_COMPLETE"


def test_a_status_that_cannot_be_listed_either_does_not_hold_up_the_end(
    removal: Deployment, aws: FakeAws
) -> None:
    throttle_at_the_end(removal, aws)
    listing = "cloudformation:ListStackResources"
    aws.fail(listing, *[AwsRetryable("Throttling", "Rate exceeded", listing)] * 100)

    ended = run(removal, aws)

    assert ended.state == State.SUCCEEDED
    assert Stack.objects.get(deployment=ended, path="").status == "DELETE_COMPLETE"


def test_listed_statuses_that_are_known_are_not_stored_again(removal: Deployment, aws: FakeAws) -> None:
    ended = run(removal, aws)

    assert not Event.objects.of(ended).filter(event_id__endswith="-listed").exists()
    assert {one.status for one in listed(aws)} == {"DELETE_COMPLETE"}


def listed(aws: FakeAws) -> list[ResourceView]:
    return [one for stack in aws.stacks for one in aws.list_resources(stack)]
