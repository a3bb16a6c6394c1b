"""Approval of changes by a second person, in an in-memory account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change, discard_change, preview_again
from deployments.changes.commands.approve import approve, deny, set_approval_required
from deployments.changes.models.approvals import Approval
from deployments.common.errors import UserFixable
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.changes.shared.approvals.requesting import (
    approving,
    codes,
    decision,
    person,
    preview,
    row,
    send_request,
    without,
)
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run, take_step


def test_a_change_waits_without_the_environment_until_a_second_person_approves_it(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    take_step(shown, aws)

    waiting = row(shown)
    assert (waiting.state, waiting.active_key, waiting.applied_at) == (State.APPROVAL, None, None)
    assert approval.digest == shown.preview_digest

    approving(ben, approval)
    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert (decision(approval), Approval.objects.get().decided_by) == ("approved", ben)
    actions = AuditRecord.objects.filter(outcome="requested").order_by("pk").values_list("action", "user")
    assert list(actions)[-2:] == [("request_approval", ana.pk), ("approve", ben.pk)]
    assert {"approval.requested", "approval.approved"} <= set(codes(ended))


def test_the_choice_on_failure_is_part_of_what_is_approved(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest, keep_on_failure=True)
    approval = Approval.objects.waiting().get(deployment=shown)
    assert approval.choices["keep_on_failure"] is True

    approving(ben, approval)
    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert aws.kept == [False, True]


def test_nobody_approves_what_they_requested_or_applied(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    ben = person("cara", "change_environment", "approve_change")
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ben)  # ana requested the change, and another person its approval

    for own in (ana, ben):
        with pytest.raises(UserFixable, match="NotPermitted"):
            approving(own, approval)
        with pytest.raises(UserFixable, match="NotPermitted"):
            deny(user=own, deployment=shown, approval_pk=approval.pk, reason="no")

    assert row(shown).state == State.APPROVAL
    refused = AuditRecord.objects.filter(outcome="refused").values_list("action", "refusal__code")
    assert list(refused) == [("deny", "approval_own"), ("approve", "approval_own")] * 2


def test_without_the_permission_nobody_decides(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    ben = without(ben, "approve_change")  # after he opened the page

    with pytest.raises(PermissionDenied):
        approving(ben, approval)
    with pytest.raises(PermissionDenied):
        deny(user=ben, deployment=shown, approval_pk=approval.pk, reason="no")

    assert row(shown).state == State.APPROVAL


def test_a_new_preview_voids_the_request_and_the_old_one_cannot_be_approved(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    preview_again(user=ana, deployment=shown)
    again = run(shown, aws, until=lambda d: d.state == State.PREVIEW)

    assert decision(approval) == "void"
    with pytest.raises(UserFixable, match="NothingToApprove"):
        approving(ben, approval)
    second = send_request(again, ana)
    with pytest.raises(UserFixable, match="PreviewOutOfDate"):
        approve(user=ben, deployment=again, approval_pk=second.pk, digest=approval.digest)
    approving(ben, second)
    assert run(again, aws).state == State.SUCCEEDED


def test_an_approved_preview_that_is_out_of_date_in_the_queue_is_replaced_and_its_approval_void(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    aws.stacks[deployed.stack_id].updated = "2030-01-01T00:00:00+00:00"  # changed by somebody else
    approving(ben, approval)

    again = run(shown, aws, until=lambda d: d.state == State.PREVIEW)

    assert (again.revision, again.active_key, again.applied_by) == (1, None, None)
    assert decision(approval) == "void"
    assert "approval.void" in codes(again)
    second = send_request(again, ana)
    approving(ben, second)
    assert run(again, aws).state == State.SUCCEEDED


def test_a_denied_change_ends_with_the_reason_and_leaves_no_change_set(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    with pytest.raises(UserFixable, match="ReasonMissing"):
        deny(user=ben, deployment=shown, approval_pk=approval.pk, reason=" ")

    deny(user=ben, deployment=shown, approval_pk=approval.pk, reason="not today")
    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code, ended.canceled_by) == (State.CANCELED, "denied", ben)
    found = Approval.objects.get(pk=approval.pk)
    assert (found.decision, found.reason, found.is_waiting) == ("denied", "not today", False)
    assert shown.change_set_id not in aws.change_sets


def test_a_request_expires_as_denied_after_a_day_and_cannot_be_approved_then(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    assert approval.expires_at - approval.requested_at == timedelta(hours=24)
    Approval.objects.update(expires_at=timezone.now())

    with pytest.raises(UserFixable, match="NotPermitted: approval_expired"):
        approving(ben, approval)
    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code, ended.canceled_by) == (State.CANCELED, "denied", None)
    assert decision(approval) == "expired"
    assert "approval.expired" in codes(ended)


def test_a_discarded_request_cannot_be_approved(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    discard_change(user=ana, deployment=shown)

    with pytest.raises(UserFixable, match="NothingToApprove"):
        approving(ben, approval)
    assert run(shown, aws).cancel_code == "discarded"
    assert decision(approval) == "withdrawn"


def test_who_lost_the_permission_to_change_gets_no_approval(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    without(ana, "change_environment")

    with pytest.raises(UserFixable, match="requester_not_permitted"):
        approving(ben, approval)
    deny(user=ben, deployment=shown, approval_pk=approval.pk, reason="left")

    assert run(shown, aws).cancel_code == "denied"


def test_who_loses_the_permission_while_the_change_waits_for_its_turn_changes_nothing(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    approving(ben, send_request(shown, ana))
    User.objects.filter(pk=ana.pk).update(is_active=False)

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "permission_lost")
    assert aws.calls.count("cloudformation:ExecuteChangeSet") == 1  # only the creation's


def test_an_approval_by_who_may_not_approve_any_more_is_asked_for_again(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    first = send_request(shown, ana)
    approving(ben, first)
    without(ben, "approve_change")

    waiting = run(shown, aws, until=lambda d: d.state == State.APPROVAL)

    assert (waiting.active_key, decision(first)) == (None, "not_permitted")
    approving(person("cara", "approve_change"), Approval.objects.waiting().get())
    assert run(shown, aws).state == State.SUCCEEDED


def test_a_queued_change_waits_for_approval_if_its_environment_requires_one_meanwhile(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    Environment.objects.update(requires_approval=False)
    shown = preview(deployed, ana, aws)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest)
    set_approval_required(user=ana, environment=deployed, required=True, reason="audit")

    run(shown, aws, until=lambda d: d.state == State.APPROVAL)
    approving(ben, Approval.objects.waiting().get())

    assert run(shown, aws).state == State.SUCCEEDED


def test_requiring_approval_is_switched_off_by_a_second_person_while_a_change_waits(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    send_request(shown, ana)
    with pytest.raises(UserFixable, match="approvals_waiting"):
        set_approval_required(user=ana, environment=deployed, required=False, reason="off")
    with pytest.raises(PermissionDenied):
        set_approval_required(user=ben, environment=deployed, required=False, reason="")
    cara = person("cara", "approve_change", "require_approval")

    set_approval_required(user=cara, environment=deployed, required=False, reason="test environment")

    assert not Environment.objects.get().requires_approval
    assert row(shown).state == State.APPROVAL  # changing the setting applies nothing
    record = AuditRecord.objects.filter(action="stop_requiring_approval").first()
    assert record is not None
    assert (record.outcome, record.user, record.details) == (
        "requested",
        cara,
        {"before": True, "after": False},
    )
    refusals = AuditRecord.objects.filter(action="stop_requiring_approval", outcome="refused")
    assert refusals.count() == 2
