"""Canceling a deployment in its stacks, from the request to the end, in an in-memory account."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from deployments.common.errors import AwsAccessError
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import State
from deployments.stacks.models import timeline
from deployments.stacks.models.events import Event
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.recovery.steps.canceling.requesting import CANCEL, DELETE, accepted, cancel, codes, in_stacks
from tests.stepping import run


def test_a_creation_in_its_stacks_is_deleted(deployment: Deployment, aws: FakeAws, operator: User) -> None:
    cancel(in_stacks(deployment, aws), operator)

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code, reason(ended)) == (State.CANCELED, "", "")
    assert (ended.cancel_code, ended.canceled_by) == ("delete", operator)
    assert ended.cancel_requested_at
    assert ended.cancel_accepted_at
    assert ended.ended_at
    assert ended.cancel_requested_at <= ended.cancel_accepted_at <= ended.ended_at
    assert codes(ended) == ["cancel.requested", "cancel.accepted"]
    assert accepted(ended) == {"status": "CREATE_IN_PROGRESS", "action": DELETE}
    assert aws.calls.count(DELETE) == 1
    assert aws.live_stacks("sanso-staging") == []
    environment = Environment.objects.get()
    assert environment.stack_status == "DELETE_COMPLETE"
    assert Environment.objects.filter(live_key=None).exists()
    assert environment.deleted_at is not None
    assert ended.remaining  # remaining resources are searched for


@pytest.mark.parametrize("state", [State.PREFLIGHT, State.ARTIFACTS, State.CHANGE_SET, State.STACKS])
def test_a_creation_before_cloudformation_has_begun_leaves_no_stack(
    deployment: Deployment, aws: FakeAws, operator: User, state: State
) -> None:
    reached = run(deployment, aws, until=lambda d: d.state == state)
    cancel(reached, operator)

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code) == (State.CANCELED, "")
    assert aws.live_stacks("sanso-staging") == []
    assert "cloudformation:ExecuteChangeSet" not in aws.calls
    assert Environment.objects.filter(live_key=None).exists()  # the name can be reused


def test_an_empty_stack_of_a_change_set_is_deleted(
    deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    created = run(deployment, aws, until=lambda d: bool(d.change_set_id))
    assert (created.state, len(aws.live_stacks("sanso-staging"))) == (State.CHANGE_SET, 1)
    cancel(created, operator)

    assert run(deployment, aws).state == State.CANCELED
    assert aws.live_stacks("sanso-staging") == []


def test_an_update_in_its_stacks_is_rolled_back_and_has_not_failed(
    updating: Deployment, aws: FakeAws, operator: User
) -> None:
    cancel(updating, operator)

    ended = run(updating, aws)

    assert (ended.state, ended.error_code, reason(ended)) == (State.ROLLED_BACK, "", "")
    assert ended.was_canceled
    assert accepted(ended) == {"status": "UPDATE_IN_PROGRESS", "action": CANCEL}
    assert aws.calls.count(CANCEL) == 1
    environment = Environment.objects.get()
    assert environment.stack_status == "UPDATE_ROLLBACK_COMPLETE"
    assert environment.parameters["Size"] == "2"
    assert environment.deleted_at is None
    assert Environment.objects.of_urgency(Urgency.DEPLOYED).exists()  # without a problem
    found = timeline.load(ended)
    assert found.course.turn is not None
    assert found.course.is_canceled


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_deletes_once(
    deployment: Deployment, aws: FakeAws, operator: User, *, after: bool
) -> None:
    in_stacks(deployment, aws)
    aws.fail(DELETE, lost_answer(DELETE), after=after)
    cancel(deployment, operator)

    assert run(deployment, aws).state == State.CANCELED
    assert aws.calls.count(DELETE) == (1 if after else 2)


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_rolls_back_once(
    updating: Deployment, aws: FakeAws, operator: User, *, after: bool
) -> None:
    aws.fail(CANCEL, lost_answer(CANCEL), after=after)
    cancel(updating, operator)

    ended = run(updating, aws)

    assert (ended.state, ended.was_canceled) == (State.ROLLED_BACK, True)
    assert accepted(ended)["action"] == CANCEL


def test_an_update_that_rolls_back_by_itself_is_not_called_canceled(
    updating: Deployment, aws: FakeAws, operator: User
) -> None:
    aws._acts = [
        ("", "Topic", "UPDATE_FAILED", "you shall not"),
        ("", "", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Topic]."),
        ("", "Topic", "UPDATE_COMPLETE", ""),
        ("", "", "UPDATE_ROLLBACK_COMPLETE", ""),
    ]
    cancel(updating, operator, CancelEffect.ROLL_BACK)
    aws._move_on(aws.stacks[updating.stack_id])
    aws._move_on(aws.stacks[updating.stack_id])

    ended = run(updating, aws)

    assert (ended.state, ended.was_canceled, ended.error_code) == (
        State.ROLLED_BACK, False, "ResourceFailed",
    )  # fmt: skip
    assert codes(ended) == ["cancel.requested", "cancel.refused"]
    assert CANCEL not in aws.calls
    refused = Event.objects.of(ended).get(code="cancel.refused").values
    assert stored_text(refused["message"]) == "CloudFormation does not cancel a rollback."


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"])
def test_an_update_that_has_finished_meanwhile_succeeds_and_says_why_nothing_was_canceled(
    updating: Deployment, aws: FakeAws, operator: User, status: str
) -> None:
    cancel(updating, operator)
    root = aws.stacks[updating.stack_id]
    while root.status != status:
        aws._move_on(root)

    ended = run(updating, aws)

    assert (ended.state, ended.cancel_code) == (State.SUCCEEDED, "")
    assert CANCEL not in aws.calls
    assert codes(ended) == ["cancel.requested", "cancel.refused"]


def test_a_cancellation_that_aws_rejects_is_reported_and_the_update_continues(
    updating: Deployment, aws: FakeAws, operator: User
) -> None:
    aws.fail(CANCEL, AwsAccessError("AccessDenied", "not authorized", CANCEL))
    cancel(updating, operator)

    ended = run(updating, aws)

    assert ended.state == State.SUCCEEDED
    text = stored_text(Event.objects.of(ended).get(code="cancel.refused").values["message"])
    assert "AccessDenied" in text


def test_a_deletion_that_fails_is_a_failure_with_its_own_cause(
    deployment: Deployment, aws: FakeAws, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_stacks(deployment, aws)
    acts = [
        ("", "", "DELETE_IN_PROGRESS", "User Initiated"),
        ("", "Topic", "CREATE_FAILED", "Resource creation cancelled"),
        ("", "Topic", "DELETE_IN_PROGRESS", ""),
        ("", "Topic", "DELETE_FAILED", "still in use"),
        ("", "", "DELETE_FAILED", "The following resource(s) failed to delete: [Topic]."),
    ]
    monkeypatch.setattr(aws, "_makes", lambda verb: acts)
    cancel(deployment, operator)

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ResourceFailed")
    assert "still in use" in reason(ended)
    environment = Environment.objects.get()
    assert (environment.deleted_at, environment.stack_status) == (None, "DELETE_FAILED")
