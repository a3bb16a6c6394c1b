"""Requests about a change that has not begun: discard it, or preview it again; and locking its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, DELETE, CommandRequest, requesting
from deployments.changes.shared import approvals
from deployments.changes.steps import queue
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def discard_change(*, user: User, deployment: Deployment) -> Deployment:
    """Request to discard a change that has not begun, or a deletion that waits for approval."""
    permission = DELETE if deployment.kind == Kind.DELETE else CHANGE
    request = CommandRequest(
        user=user, action="discard", permission=permission, environment=deployment.environment
    )
    with requesting(request):
        row = locked(deployment, kind=Kind(deployment.kind))
        request.deployment = row
        request.before, request.after = {"state": row.state}, {"cancel": "discarded"}
        cancel_open_change(row, "discarded", user)
        return row


def preview_again(*, user: User, deployment: Deployment) -> Deployment:
    """Request a new preview of a change to replace the current one; its approval is void."""
    request = CommandRequest(
        user=user, action="preview", permission=CHANGE, environment=deployment.environment
    )
    with requesting(request):
        row = locked(deployment)
        request.deployment = row
        if row.state not in (State.PREVIEW, State.APPROVAL, State.SCHEDULED):
            raise UserFixable("PreviewNotReady", Code.PREVIEW_NOT_READY)
        request.before, request.after = {"state": row.state}, {"state": str(State.PREFLIGHT)}
        queue.restart_preview(row, version=row.version + 1, due_at=timezone.now())
        return row


def cancel_open_change(row: Deployment, code: str, user: User | None) -> None:
    """Mark an open change as canceled; its next step deletes the change set and ends it."""
    now = timezone.now()
    values: dict[str, Any] = {
        "cancel_code": code,
        "canceled_by": user,
        "cancel_requested_at": now,
        "cancel_refusal": {},
    }
    values |= {"due_at": now, "version": row.version + 1}
    Deployment.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
    approvals.close(row, "withdrawn")


def locked(deployment: Deployment, kind: Kind = Kind.UPDATE) -> Deployment:
    """Return the locked row of a change, or a deletion, that has not begun.

    Raise UserFixable if it has, or has ended.
    """
    row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
    if row.kind != kind or kind is Kind.CREATE or not row.is_active:
        raise UserFixable("ChangeEnded", Code.CHANGE_ENDED)
    if not row.is_open_change or row.cancel_code:
        raise already_applied(row)
    return row


def already_applied(row: Deployment) -> UserFixable:
    """Return the error for a change that was applied (with the user) or is being canceled."""
    if row.applied_by is None or row.cancel_code:
        return UserFixable("AlreadyApplied", Code.CHANGE_ALREADY_APPLIED)
    return UserFixable("AlreadyApplied", Code.CHANGE_APPLIED_BY, user=row.applied_by.get_username())
