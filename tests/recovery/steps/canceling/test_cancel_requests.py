"""Requests to cancel that are repeated, refused or too late."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import State
from deployments.recovery.commands.cancel import effect_of
from tests.builders import allow, make_user
from tests.fakes import FakeAws
from tests.recovery.steps.canceling.requesting import CANCEL, DELETE, cancel, codes, in_stacks
from tests.stepping import run


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
