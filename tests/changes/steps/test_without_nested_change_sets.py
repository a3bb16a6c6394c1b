"""Change sets without nested change sets, where CloudFormation rejects those, in an in-memory account."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.changes.commands.apply import apply_change, discard_change, preview_again
from deployments.changes.commands.preview import request_change
from deployments.cloudformation.change_summary import may_lose_data, not_computed, replaces
from deployments.cloudformation.changes import Changes
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import allow, make_user
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.stepping import run

REFUSED = "Parameter 'Topic' must match pattern [a-z]+"


@pytest.fixture
def operator(db: None) -> User:
    user = make_user("operator")
    allow(user, "change_environment")
    return user


@pytest.fixture
def creation(deployment: Deployment, nested_set: template_files.TemplateSet) -> Deployment:
    """A requested creation of a root stack that passes a topic's name to a nested stack."""
    Deployment.objects.filter(pk=deployment.pk).update(template_digest=nested_set.digest)
    stored_sets.keep(nested_set)
    TemplateCheck.objects.update(digest=nested_set.digest)
    deployment.refresh_from_db()
    return deployment


def refused_change(created: Deployment, aws: FakeAws, operator: User) -> Deployment:
    """Request a change whose nested change sets CloudFormation rejects."""
    Environment.objects.update(parameters=created.parameters)
    aws.refuses_nested = REFUSED
    environment = Environment.objects.for_page().get(pk=created.environment_id)
    values: dict[str, Any] = {"parameters": {"Size": "3"}, "reason": "", "request_key": uuid.uuid4()}
    return request_change(user=operator, environment=environment, **values)


def previewed(deployment: Deployment, aws: FakeAws) -> Deployment:
    return run(deployment, aws, until=lambda one: one.state in (State.PREVIEW, State.FAILED))


def codes(deployment: Deployment) -> list[str]:
    return list(Event.objects.of(deployment).filter(source="portal").values_list("code", flat=True))


def test_an_environment_is_created_without_nested_change_sets(creation: Deployment, aws: FakeAws) -> None:
    aws.refuses_nested = REFUSED

    ended = run(creation, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert [one.is_nested for one in aws.requests] == [True, False]
    assert "change_set.root_only" in codes(ended)
    assert len(aws.live_stacks(ended.environment.stack_name)) == 1
    rows = Resource.objects.of_deployment(ended)
    assert set(rows.values_list("logical_id", "status")) == {
        (name, "CREATE_COMPLETE") for name in ("Topic", "Network", "Vpc", "Subnet")
    }


def test_the_resources_of_nested_stacks_are_listed_before_their_first_event(
    creation: Deployment, aws: FakeAws
) -> None:
    aws.refuses_nested = REFUSED

    shown = run(creation, aws, until=lambda one: one.state == State.STACKS)

    rows = {row.logical_id: row for row in Resource.objects.of_deployment(shown)}
    assert set(rows) == {"Topic", "Network", "Vpc", "Subnet"}
    assert rows["Vpc"].depends_on


def test_a_preview_says_what_it_does_not_show(creation: Deployment, aws: FakeAws, operator: User) -> None:
    shown = previewed(refused_change(run(creation, aws), aws, operator), aws)

    changes = Changes.from_json(shown.changes)
    assert (shown.state, changes.root_only, changes.root_only_reason) == (State.PREVIEW, True, REFUSED)
    assert not_computed(changes) == ("Network",)
    assert may_lose_data(changes)
    assert replaces(changes)
    assert [one.reason for one in aws.change_sets.values() if one.status == "FAILED"] == []


def test_data_loss_that_cannot_be_ruled_out_must_be_confirmed(
    creation: Deployment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(refused_change(run(creation, aws), aws, operator), aws)

    with pytest.raises(UserFixable, match="NameNotConfirmed"):
        apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    name = shown.environment.name
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest, typed_name=name)
    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert Environment.objects.get(pk=ended.environment_id).parameters["Size"] == "3"


@pytest.mark.parametrize("is_update", [False, True])
@pytest.mark.parametrize("operation", ["cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"])
def test_a_lost_response_leaves_one_change_set(
    creation: Deployment, aws: FakeAws, operator: User, operation: str, *, is_update: bool
) -> None:
    requested = refused_change(run(creation, aws), aws, operator) if is_update else creation
    aws.refuses_nested = REFUSED
    aws.fail(operation, *(lost_answer(operation) for _ in range(2)), after=True)

    shown = run(requested, aws, until=lambda one: one.state in (State.PREVIEW, State.STACKS, State.FAILED))

    assert shown.is_root_only
    roots = aws.live_stacks(shown.environment.stack_name)
    assert len(roots) == 1
    left = [one for one in aws.change_sets.values() if one.stack_id == roots[0].stack_id]
    assert [one.change_set_id for one in left if one.execution_status == "AVAILABLE"] == [shown.change_set_id]
    assert not [one for one in left if one.status == "FAILED"]


def test_a_new_preview_includes_nested_stacks_again(
    creation: Deployment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(refused_change(run(creation, aws), aws, operator), aws)
    aws.refuses_nested = ""
    preview_again(user=operator, deployment=shown)

    again = previewed(shown, aws)

    assert not again.is_root_only
    assert shown.change_set_id not in aws.change_sets


def test_a_discarded_preview_leaves_neither_change_set(
    creation: Deployment, aws: FakeAws, operator: User
) -> None:
    requested = refused_change(run(creation, aws), aws, operator)
    shown = run(requested, aws, until=lambda one: one.is_root_only)
    discard_change(user=operator, deployment=shown)

    ended = run(shown, aws)

    assert ended.state == State.CANCELED
    left = [one for one in aws.change_sets.values() if one.stack_id == shown.stack_id]
    assert not [one for one in left if one.execution_status != "EXECUTE_IN_PROGRESS"]


def test_a_reason_that_is_not_of_nesting_ends_the_change(
    creation: Deployment, aws: FakeAws, operator: User
) -> None:
    requested = refused_change(run(creation, aws), aws, operator)
    aws.refuses_nested = "Parameters: [Topic] must have values"

    assert previewed(requested, aws).state == State.FAILED
    assert [one.is_nested for one in aws.requests[1:]] == [True]
