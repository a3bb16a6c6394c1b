"""Decide on approval requests, and set which changes require approval: of an environment, and of a label."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.access.commands.requesting import (
    CommandRequest,
    busy,
    refuse_deleted,
    requesting,
    require_reason,
)
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.approvers import (
    approvers,
    decider_of,
    is_service_account,
    requesters_in,
    requesters_of,
)
from deployments.changes.commands.apply import begin_waiting
from deployments.changes.models.approvals import Approval, ApprovalRule, ApprovalVote, policy_of
from deployments.changes.rules.approvals import (
    APPROVE,
    REQUIRE,
    Decider,
    Policy,
    is_weaker,
    refusal_to_approve,
    refusal_to_deny,
    refusal_to_stop_requiring,
)
from deployments.changes.shared import approvals
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.shared import event_log

_DECIDED = {
    "approved": Code.APPROVAL_GIVEN,
    "denied": Code.APPROVAL_DENIED,
    "bypassed": Code.APPROVAL_BYPASSED,
}


def approve(*, user: User, deployment: Deployment, approval_pk: int, digest: str) -> Deployment:
    """Approve one request, for exactly the preview with this digest.

    The last required approval lets the deployment continue at once. Approvals by people who lost the
    right or the role do not count. Raise UserFixable if the request is not the open one, is the user's own or
    has expired, the preview has changed, the requester lost the permission, the role is missing, or the user
    has already approved it or is a service account.
    """
    action = "approve" if deployment.kind == Kind.UPDATE else "approve_deletion"
    request = CommandRequest(user=user, action=action, permission=APPROVE, environment=deployment.environment)
    with requesting(request):
        row, approval = _waiting(deployment, approval_pk)
        request.deployment, request.reason = row, row.reason
        _refuse_another_preview(row, approval, digest)
        policy = policy_of(row.environment) or Policy()
        before = len(approvers(approval, policy, row.environment))
        decider = decider_of(user, row, approval, policy, given=before)
        now = timezone.now()
        refuse("NotPermitted", refusal_to_approve(decider, expires_at=approval.expires_at, now=now))
        ApprovalVote.objects.get_or_create(approval=approval, user=user)
        given = len(approvers(approval, policy, row.environment))
        values = {"given": given, "needed": policy.approvals}
        request.details = {"digest": digest, "requested_by": approval.requested_by.get_username(), **values}
        request.changes({"approvals": before}, {"approvals": given})
        event_log.add(
            row, "approval.approved", key=f"{approval.pk}-{user.pk}", user=user.get_username(), **values
        )
        if given < policy.approvals:
            approvals.notify_given(row, approval, user, given, policy.approvals, now)
        else:
            request.changes(
                {"approval": "waiting", "approvals": before}, {"approval": "approved", "approvals": given}
            )
            approvals.decide(approval, "approved", user)
            _go_on(row, approval)
        return row


def bypass(*, user: User, deployment: Deployment, approval_pk: int, digest: str, reason: str) -> Deployment:
    """Let a deployment continue in an emergency without its approvals; its pages show this from then on.
    People with the right may bypass the approval of their own request. Raise UserFixable if the request is
    not the open one or has expired, the preview has changed, no reason is given, or a service account
    requests it.
    """
    request = CommandRequest(
        user=user,
        action="bypass_approval" if deployment.kind == Kind.UPDATE else "bypass_deletion",
        permission=Right.BYPASS_APPROVAL,
        reason=reason,
        environment=deployment.environment,
    )
    with requesting(request):
        row, approval = _waiting(deployment, approval_pk)
        request.deployment = row
        _refuse_another_preview(row, approval, digest)
        if timezone.now() >= approval.expires_at:
            raise UserFixable("NotPermitted", Code.APPROVAL_EXPIRED)
        if is_service_account(user):
            raise UserFixable("NotPermitted", Code.APPROVER_SERVICE_ACCOUNT)
        require_reason(reason)
        request.details = {"digest": digest, "requested_by": approval.requested_by.get_username()}
        request.changes({"approval": "waiting"}, {"approval": "bypassed"})
        approvals.decide(approval, "bypassed", user, reason.strip())
        event_log.add(
            row, "approval.bypassed", key=str(approval.pk), user=user.get_username(), reason=reason.strip()
        )
        _go_on(row, approval)
        return row


def _go_on(row: Deployment, approval: Approval) -> None:
    """Let a deployment that waited for approval begin, or wait for its time or its turn."""
    if row.kind == Kind.DELETE:
        _begin_deletion(row)
    else:
        begin_waiting(row, row.scheduled_for, approval.requested_by)


def deny(*, user: User, deployment: Deployment, approval_pk: int, reason: str) -> Deployment:
    """Deny one request with a reason; the change or deletion ends before it begins.

    Raise UserFixable if the request is not the open one, is the user's own or has expired, or no reason is
    given.
    """
    request = CommandRequest(
        user=user, action="deny", permission=APPROVE, reason=reason, environment=deployment.environment
    )
    with requesting(request):
        row, approval = _waiting(deployment, approval_pk)
        request.deployment = row
        decider = Decider(user=user.pk, requesters=requesters_of(approval))
        refuse("NotPermitted", refusal_to_deny(decider, expires_at=approval.expires_at, now=timezone.now()))
        require_reason(reason)
        request.changes({"approval": "waiting"}, {"approval": "denied"})
        approvals.decide(approval, "denied", user, reason.strip())
        event_log.add(
            row, "approval.denied", key=str(approval.pk), user=user.get_username(), reason=reason.strip()
        )
        now = timezone.now()
        row.record(cancel_code="denied", canceled_by=user, due_at=now, version=row.version + 1)
        return row


def set_approval_required(
    *, user: User, environment: Environment, required: bool, reason: str, policy: Policy | None = None
) -> None:
    """Set whether changes and the deletion of an environment require approvals, and whose. While requests
    wait, only a person who may approve them can switch this off. They continue to wait: switching it off
    applies nothing. Raise UserFixable if the person may not switch it off.
    """
    action = "require_approval" if required else "stop_requiring_approval"
    request = CommandRequest(
        user=user, action=action, permission=REQUIRE, reason=reason, environment=environment
    )
    with requesting(request):
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        refuse_deleted(row)
        if not required:
            require_reason(reason)
        rule = ApprovalRule.objects.of(row)
        before = rule.policy if rule else Policy()
        after = (policy or before) if required else None
        if is_weaker(after, before if row.requires_approval else None):
            requesters = requesters_in(Approval.objects.waiting_of(row.pk))
            refuse("NotPermitted", refusal_to_stop_requiring(user.pk, can(user, APPROVE, row), requesters))
        request.details = {"before": row.requires_approval, "after": required}
        request.changes(_values(before if row.requires_approval else None), _values(after))
        if after is not None:
            _keep_rule(row, after)
        Environment.objects.filter(pk=row.pk).update(requires_approval=required)
        environment.requires_approval = required


def _values(policy: Policy | None) -> dict[str, object]:
    """Return the values of a policy for the audit record."""
    if policy is None:
        return {"requires_approval": False}
    return {"requires_approval": True, "approvals": policy.approvals, "role": ", ".join(sorted(policy.roles))}


def _keep_rule(environment: Environment, policy: Policy) -> None:
    values = {"environment": environment, "approvals": policy.approvals, "role": next(iter(policy.roles))}
    ApprovalRule.objects.update_or_create(key=ApprovalRule.key_for(environment), defaults=values)


def _waiting(deployment: Deployment, approval_pk: int) -> tuple[Deployment, Approval]:
    """Return the locked row of a deployment, and its open request.

    Raise UserFixable if another person has decided, the request was withdrawn, or a new preview has voided
    it.
    """
    row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
    approval = Approval.objects.of(row.pk).waiting().with_people().first()
    if approval is None or approval.pk != approval_pk or row.state != State.APPROVAL or row.cancel_code:
        raise _decided(row, approval_pk)
    return row, approval


def _refuse_another_preview(row: Deployment, approval: Approval, digest: str) -> None:
    if approval.digest != digest or row.preview_digest != digest:
        raise UserFixable("PreviewOutOfDate", Code.PREVIEW_OUT_OF_DATE)


def _decided(row: Deployment, approval_pk: int) -> UserFixable:
    before = Approval.objects.of(row.pk).with_people().filter(pk=approval_pk).first()
    if before is not None and before.decided_by is not None and before.decision in _DECIDED:
        who = before.decided_by.get_username()
        return UserFixable("AlreadyDecided", _DECIDED[before.decision], user=who)
    if before is not None and before.decision == "expired":
        return UserFixable("ApprovalExpired", Code.APPROVAL_EXPIRED)
    return UserFixable("NothingToApprove", Code.NOTHING_TO_APPROVE)


def _begin_deletion(row: Deployment) -> None:
    """Begin an approved deletion. Raise UserFixable if it would delete something else than requested, or if
    another deployment is changing the environment: the request continues to wait.
    """
    environment = Environment.objects.select_for_update().select_related("latest").get(pk=row.environment_id)
    refuse_deleted(environment)
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


def save_label_rule(*, user: User, label: tuple[str, str], approvals: int, role: str) -> None:
    """Save the rule of a label: changes of its environments need these approvals from now on.

    Raise UserFixable if it is weaker than before and requests wait that this person may not approve.
    """
    key = ApprovalRule.key_for(None, label)
    with requesting(_rule_request(user, label, "save_approval_rule")) as request:
        before = ApprovalRule.objects.select_for_update().filter(key=key).first()
        rule = ApprovalRule(label_key=label[0], label_value=label[1], approvals=approvals, role=role)
        if before is not None and rule.policy.is_weaker_than(before.policy):
            _refuse_while_requests_wait(user, rule)
        request.changes(_rule_values(before) if before else {}, _rule_values(rule))
        defaults = {"label_key": label[0], "label_value": label[1], **_rule_values(rule)}
        ApprovalRule.objects.update_or_create(key=key, defaults=defaults)


def delete_label_rule(*, user: User, rule: ApprovalRule) -> None:
    """Delete the rule of a label. Raise UserFixable if requests wait that this person may not approve."""
    with requesting(_rule_request(user, rule.label, "delete_approval_rule")) as request:
        _refuse_while_requests_wait(user, rule)
        request.before = _rule_values(rule)
        rule.delete()


def _refuse_while_requests_wait(user: User, rule: ApprovalRule) -> None:
    requesters = requesters_in(Approval.objects.waiting_with_label(*rule.label))
    refuse("NotPermitted", refusal_to_stop_requiring(user.pk, can(user, APPROVE), requesters))


def _rule_values(rule: ApprovalRule) -> dict[str, Any]:
    return {"approvals": rule.approvals, "role": rule.role}


def _rule_request(user: User, label: tuple[str, str], action: str) -> CommandRequest:
    return CommandRequest(user=user, action=action, permission=REQUIRE, name="=".join(label))
