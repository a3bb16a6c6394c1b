"""A deletion from its preflight to its end, in an in-memory account."""

from __future__ import annotations

import pytest

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws, lost_answer
from tests.stepping import run

pytestmark = pytest.mark.core


def test_a_deletion_leaves_nothing_behind_and_frees_the_name(removal: Deployment, aws: FakeAws) -> None:
    ended = run(removal, aws)

    assert ended.state == State.SUCCEEDED
    assert aws.live_stacks("sanso-staging") == []
    assert Environment.objects.deleted().filter(pk=ended.environment_id, live_key=None).exists()
    assert set(Stack.objects.of(ended).values_list("status", flat=True)) == {"DELETE_COMPLETE"}


def test_a_deletion_has_only_its_own_events(removal: Deployment, aws: FakeAws) -> None:
    ended = run(removal, aws)

    statuses = set(Event.objects.of(ended).filter(source="cloudformation").values_list("status", flat=True))
    assert statuses == {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"}


def test_existing_resources_have_rows_before_they_are_deleted(removal: Deployment, aws: FakeAws) -> None:
    waiting = run(removal, aws, until=lambda d: d.state == State.STACKS)

    rows = Resource.objects.filter(stack__deployment=waiting).values_list("logical_id", "status")
    assert set(rows) == {(name, "CREATE_COMPLETE") for name in ("Topic", "Network", "Vpc", "Subnet")}


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_deletion_whose_response_was_lost_ends(removal: Deployment, aws: FakeAws, lost: int) -> None:
    operation = "cloudformation:DeleteStack"
    aws.fail(operation, *[lost_answer(operation)] * lost, after=True)

    ended = run(removal, aws)

    assert ended.state == State.SUCCEEDED
    numbers = list(Event.objects.of(ended).values_list("seq", flat=True))
    assert numbers == list(range(1, ended.last_seq + 1))


def test_the_deletion_of_a_deleted_stack_succeeds(removal: Deployment, aws: FakeAws) -> None:
    aws.stacks.clear()

    assert run(removal, aws).state == State.SUCCEEDED


def test_the_deletion_of_an_environment_without_a_stack_succeeds(db: None, aws: FakeAws) -> None:
    removal = make_deployment(make_environment("never"), kind="delete")

    assert run(removal, aws).state == State.SUCCEEDED
    assert "cloudformation:DeleteStack" not in aws.calls


@pytest.mark.parametrize("requested", [True, False])
def test_protection_is_turned_off_before_the_deletion_when_requested(
    removal: Deployment, aws: FakeAws, requested: bool
) -> None:
    Deployment.objects.filter(pk=removal.pk).update(unprotect=requested)
    network = next(s for s in aws.stacks.values() if s.name == "sanso-staging-Network")
    network.resources["Vpc"] = ("AWS::RDS::DBCluster", "CREATE_COMPLETE")

    run(removal, aws)

    assert aws.unprotected == (["Vpc"] if requested else [])
    if requested:
        assert aws.calls.index("rds:ModifyDBCluster") < aws.calls.index("cloudformation:DeleteStack")
