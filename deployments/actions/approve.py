"""Decide on a request for approval, and whether an environment requires approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.access import can
from deployments.actions.change import begin_waiting
from deployments.actions.request import CHANGE, DELETE, Request, busy, requesting
from deployments.core.approvals import (
    APPROVE,
    REQUIRE,
    Decider,
    refusal_to_approve,
    refusal_to_deny,
    refusal_to_stop_requiring,
)
from deployments.core.phases import Kind, State
from deployments.errors import Message, UserFixable
from deployments.message_codes import Code
from deployments.models import Approval, Deployment, Environment
from deployments.runner import approvals, event_log

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def approve(*, user: User, deployment: Deployment, approval_pk: int, digest: str) -> Deployment:
    """Approve one request, for exactly the preview with this digest; the deployment goes on at once.

    Raise UserFixable if the request is not the one that waits, is the user's own or has expired, the preview
    is another one, or who requested it lost the permission.
    """
    action, takes = ("approve", CHANGE) if deployment.kind == Kind.UPDATE else ("approve_deletion", DELETE)
    request = Request(user=user, action=action, permission=APPROVE, environment=deployment.environment)
    with requesting(request):
        row, approval = _waiting(deployment, approval_pk)
        request.deployment, request.reason = row, row.reason
        if approval.digest != digest or row.preview_digest != digest:
            raise UserFixable("PreviewOutOfDate", Code.PREVIEW_OUT_OF_DATE)
        decider = Decider(
            user=user.pk,
            requesters=_requesters(row, approval),
            is_requester_permitted=can(approval.requested_by, takes, deployment.environment),
        )
        _refuse(refusal_to_approve(decider, expires_at=approval.expires_at, now=timezone.now()))
        request.details = {"digest": digest, "requested_by": approval.requested_by.get_username()}
        request.changes({"approval": "waiting"}, {"approval": "approved"})
        approvals.decide(approval, "approved", user)
        event_log.add(row, "approval.approved", key=str(approval.pk), user=user.get_username())
        if row.kind == Kind.DELETE:
            _begin_deletion(row)
        else:
            begin_waiting(row, row.scheduled_for, approval.requested_by)
        return row


def deny(*, user: User, deployment: Deployment, approval_pk: int, reason: str) -> Deployment:
    """Deny one request with a reason; the change, or the deletion, ends without having begun.

    Raise UserFixable if the request is not the one that waits, is the user's own or has expired, or no reason
    is given.
    """
    request = Request(
        user=user, action="deny", permission=APPROVE, reason=reason, environment=deployment.environment
    )
    with requesting(request):
        row, approval = _waiting(deployment, approval_pk)
        request.deployment = row
        decider = Decider(user=user.pk, requesters=_requesters(row, approval))
        _refuse(refusal_to_deny(decider, expires_at=approval.expires_at, now=timezone.now()))
        if not reason.strip():
            raise UserFixable("ReasonMissing", Code.REASON_MISSING, "reason")
        request.changes({"approval": "waiting"}, {"approval": "denied"})
        approvals.decide(approval, "denied", user, reason.strip())
        event_log.add(
            row, "approval.denied", key=str(approval.pk), user=user.get_username(), reason=reason.strip()
        )
        now = timezone.now()
        row.record(cancel_code="denied", canceled_by=user, due_at=now, version=row.version + 1)
        return row


def set_approval_required(*, user: User, environment: Environment, required: bool, reason: str) -> None:
    """Decide whether changes and the deletion of an environment require a second person's approval.

    While requests wait, only a person who may approve them can switch it off. They go on waiting: what was
    requested is not applied by the switch. Raise UserFixable if the person may not.
    """
    action = "require_approval" if required else "stop_requiring_approval"
    request = Request(user=user, action=action, permission=REQUIRE, reason=reason, environment=environment)
    with requesting(request):
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.deleted_at:
            raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
        if not required and not reason.strip():
            raise UserFixable("ReasonMissing", Code.REASON_MISSING, "reason")
        if not required:
            waiting = Approval.objects.waiting_of(row.pk)
            requesters = waiting.values_list("requested_by", "deployment__requested_by")
            found = frozenset(pk for pair in requesters for pk in pair)
            _refuse(refusal_to_stop_requiring(user.pk, can(user, APPROVE, row), found))
        request.details = {"before": row.requires_approval, "after": required}
        request.before = {"requires_approval": row.requires_approval}
        request.after = {"requires_approval": required}
        Environment.objects.filter(pk=row.pk).update(requires_approval=required)
        environment.requires_approval = required


def _waiting(deployment: Deployment, approval_pk: int) -> tuple[Deployment, Approval]:
    """Return the locked row of a deployment, and the request of it that waits.

    Raise UserFixable if another person has decided, it was withdrawn, or a new preview has voided it.
    """
    row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
    approval = Approval.objects.of(row.pk).waiting().with_people().first()
    if approval is None or approval.pk != approval_pk or row.state != State.APPROVAL or row.cancel_code:
        raise _decided(row, approval_pk)
    return row, approval


def _decided(row: Deployment, approval_pk: int) -> UserFixable:
    before = Approval.objects.of(row.pk).with_people().filter(pk=approval_pk).first()
    if before is not None and before.decided_by is not None and before.decision in ("approved", "denied"):
        who = before.decided_by.get_username()
        code = Code.APPROVAL_GIVEN if before.decision == "approved" else Code.APPROVAL_DENIED
        return UserFixable("AlreadyDecided", code, user=who)
    if before is not None and before.decision == "expired":
        return UserFixable("ApprovalExpired", Code.APPROVAL_EXPIRED)
    return UserFixable("NothingToApprove", Code.NOTHING_TO_APPROVE)


def _requesters(row: Deployment, approval: Approval) -> frozenset[int]:
    return frozenset({row.requested_by_id, approval.requested_by_id})


def _refuse(why: Message | None) -> None:
    if why is not None:
        raise UserFixable("NotPermitted", why.code, **why.params)


def _begin_deletion(row: Deployment) -> None:
    """Let an approved deletion begin.

    Raise UserFixable if something else would be deleted than what was requested, or another deployment is
    changing the environment: the request goes on waiting.
    """
    environment = Environment.objects.select_for_update().select_related("latest").get(pk=row.environment_id)
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
    if environment.active_deployment:
        raise busy(environment)
    if row.preview_digest != approvals.deletion_digest(environment, unprotect=row.unprotect):
        raise UserFixable("DeletionOutOfDate", Code.DELETION_OUT_OF_DATE)
    now = timezone.now()
    values = {"active_key": environment.pk, "applied_at": now, "due_at": now, "version": row.version + 1}
    try:
        with transaction.atomic():
            row.move_to(State.PREFLIGHT, **values)
    except IntegrityError:
        raise busy(environment) from None
    Environment.objects.filter(pk=environment.pk).update(latest=row)
