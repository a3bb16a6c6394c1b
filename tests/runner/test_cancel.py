"""Canceling a deployment in each of its phases, from the request to the end, in an in-memory account."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from deployments import catalog
from deployments.actions.apply_change import apply_change
from deployments.actions.cancel import effect_of, request_cancel
from deployments.actions.change import request_change
from deployments.core.canceling import CancelEffect
from deployments.core.phases import State
from deployments.errors import AwsAccessError, Message, UserFixable
from deployments.message_codes import Code
from deployments.models import AuditRecord, Deployment, Environment, Event, Resource, Stack, timeline
from deployments.models.environment import EnvironmentState
from deployments.runner import template_sets
from deployments.wording import stored_text
from tests.builders import allow, make_environment, make_user
from tests.fakes import FakeAws, FakeStack, lost_answer
from tests.runner.conftest import run, take_step
from tests.runner.observed.world import make_healthy, make_parts, set_target_state
from tests.runner.test_readiness import step as observed_step
from tests.wordings import reason

DELETE, CANCEL = "cloudformation:DeleteStack", "cloudformation:CancelUpdateStack"


@pytest.fixture
def operator(db: None) -> User:
    """A user who may create and change environments."""
    user = make_user("operator")
    allow(user, "add_deployment", "delete_environment", "change_environment")
    return user


@pytest.fixture
def updating(
    deployment: Deployment, aws: FakeAws, template_set: catalog.TemplateSet, operator: User
) -> Deployment:
    """An update that has just been requested from CloudFormation."""
    template_sets.keep(template_set)
    ended = run(deployment, aws)
    Environment.objects.update(parameters=ended.parameters)
    requested = request_change(
        user=operator,
        environment=Environment.objects.for_page().get(),
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = run(requested, aws, until=lambda d: d.state == State.PREVIEW)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    return run(shown, aws, until=lambda d: d.state == State.STACKS)


def in_stacks(deployment: Deployment, aws: FakeAws) -> Deployment:
    """Take steps until some of the stacks' resources exist."""
    created = Resource.objects.filter(status="CREATE_COMPLETE")
    return run(deployment, aws, until=lambda d: created.exists())


def cancel(deployment: Deployment, user: User, effect: CancelEffect | None = None) -> Deployment:
    fresh = Deployment.objects.for_page().get(pk=deployment.pk)
    return request_cancel(user=user, deployment=fresh, effect=str(effect or effect_of(fresh)))


def codes(deployment: Deployment) -> list[str]:
    rows = Event.objects.of(deployment).filter(source="portal", code__startswith="cancel")
    return list(rows.values_list("code", flat=True))


def accepted(deployment: Deployment) -> dict[str, str]:
    values: dict[str, str] = Event.objects.of(deployment).get(code="cancel.accepted").values
    return values


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
    assert Environment.objects.in_state(EnvironmentState.DEPLOYED).exists()  # without a problem
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


def test_waiting_stops_and_the_stack_stays(aws: FakeAws, operator: User) -> None:
    environment = _waiting(aws)
    latest = environment.latest
    assert latest is not None
    waiting = observed_step(latest, aws)
    assert waiting.state == State.TRAFFIC
    cancel(waiting, operator)

    ended = run(waiting, aws)

    assert (ended.state, ended.cancel_code, ended.ready_at) == (State.CANCELED, "stop_waiting", None)
    assert ended.waiting_for
    assert DELETE not in aws.calls
    environment.refresh_from_db()
    assert (environment.stack_status, environment.deleted_at) == ("CREATE_COMPLETE", None)
    assert environment.outputs
    assert not ended.remaining  # nothing was deleted


def test_a_request_to_delete_does_not_stop_the_waiting(aws: FakeAws, operator: User) -> None:
    environment = _waiting(aws)
    latest = environment.latest
    assert latest is not None
    Deployment.objects.filter(pk=latest.pk).update(state="stacks")
    Stack.objects.update(status="CREATE_IN_PROGRESS")
    cancel(latest, operator, CancelEffect.DELETE)
    Deployment.objects.filter(pk=latest.pk).update(state="configuration")

    take_step(latest, aws)

    latest.refresh_from_db()
    assert (latest.is_active, latest.cancel_code) == (True, "")
    assert latest.cancel_refusal["code"] == Code.CANCEL_TOO_LATE


def test_a_ready_environment_is_left_without_protection_that_is_switched_on_later(
    deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    Deployment.objects.update(protection="wanted")
    protecting = run(deployment, aws, until=lambda d: d.state == State.PROTECT)
    cancel(protecting, operator)

    ended = run(deployment, aws)

    assert (ended.state, ended.protection) == (State.SUCCEEDED, "failed")
    assert stored_text(ended.protection_message) == "Canceled before it was switched on."
    assert ended.ready_at is not None
    assert "cloudformation:UpdateTerminationProtection" not in aws.calls
    assert Deployment.objects.not_protected().get() == ended  # its page offers to enable protection


def _waiting(aws: FakeAws) -> Environment:
    """An environment whose creation waits for a target."""
    environment = make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="stacks", stack_id="arn:staging")
    make_healthy(aws, "staging")
    set_target_state(aws, "staging", "web", 1, "unhealthy", "Target.Timeout")
    aws.stacks["arn:staging"] = FakeStack(
        "sanso-staging", "arn:staging", "CREATE_COMPLETE", outputs={"URL": "http://staging-web.elb.example/"}
    )
    latest = environment.latest
    assert latest is not None
    run(latest, aws, until=lambda d: d.state == State.CONFIGURATION)
    return environment


def test_a_second_request_changes_nothing(deployment: Deployment, aws: FakeAws, operator: User) -> None:
    in_stacks(deployment, aws)
    first = cancel(deployment, operator)
    second = cancel(deployment, operator)

    assert first.cancel_requested_at == second.cancel_requested_at
    run(deployment, aws)
    assert codes(deployment) == ["cancel.requested", "cancel.accepted"]
    assert aws.calls.count(DELETE) == 1


def test_a_request_for_another_effect_than_the_present_one_is_refused(
    deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    in_stacks(deployment, aws)
    with pytest.raises(UserFixable, match="CancelEffectChanged"):
        cancel(deployment, operator, CancelEffect.END)
    assert run(deployment, aws).state == State.SUCCEEDED


def test_a_cancellation_of_an_ended_deployment_is_answered_so(
    deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    run(deployment, aws)
    with pytest.raises(UserFixable, match="NotCancelable"):
        cancel(deployment, operator, CancelEffect.DELETE)
    refused = AuditRecord.objects.get(action="cancel")
    assert (refused.outcome, refused.refusal["code"]) == ("refused", Code.CANCEL_AFTER_END)


def test_a_deletion_is_not_canceled(removal: Deployment, operator: User) -> None:
    assert effect_of(removal) == Message(Code.DELETION_NOT_CANCELED)
    with pytest.raises(UserFixable, match="NotCancelable"):
        cancel(removal, operator, CancelEffect.DELETE)


def test_canceling_needs_the_permission_of_the_request(
    deployment: Deployment, updating: Deployment, operator: User
) -> None:
    creator = make_user("creator")
    allow(creator, "add_deployment")
    with pytest.raises(PermissionDenied):
        cancel(updating, creator)
    record = AuditRecord.objects.filter(action="cancel").latest("pk")
    assert (record.user, record.outcome) == (creator, "refused")
    cancel(updating, operator)
    record = AuditRecord.objects.filter(action="cancel").latest("pk")
    assert (record.outcome, record.permission) == ("requested", "deployments.change_environment")
    assert record.details == {"effect": "roll_back"}


def test_an_applied_change_whose_turn_has_come_is_discarded_until_it_is_executed(
    updating: Deployment, aws: FakeAws, operator: User
) -> None:
    run(updating, aws)
    requested = request_change(
        user=operator,
        environment=Environment.objects.for_page().get(),
        parameters={"Size": "4"},
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = run(requested, aws, until=lambda d: d.state == State.PREVIEW)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    assert Deployment.objects.get(pk=shown.pk).active_key is not None
    cancel(shown, operator)

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code, ended.active_key) == (State.CANCELED, "discarded", None)
    assert shown.change_set_id not in aws.change_sets
    assert Environment.objects.get().parameters["Size"] == "3"


def test_a_rejection_because_the_stack_has_moved_on_is_looked_at_again(
    updating: Deployment, aws: FakeAws, operator: User
) -> None:
    cancel(updating, operator)
    root = aws.stacks[updating.stack_id]

    def finish(call: str) -> None:
        if call == CANCEL:
            while root.status != "UPDATE_COMPLETE":
                aws._move_on(root)

    aws.on_call = finish
    ended = run(updating, aws)

    assert ended.state == State.SUCCEEDED
    assert ended.cancel_refusal["code"] == Code.CANCEL_TOO_LATE
