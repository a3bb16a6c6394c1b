"""Request the cancellation of a deployment: its effect depends on the phase."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, DELETE, DEPLOY, CommandRequest, requesting
from deployments.changes.commands.apply import cancel_open_change
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.cancel_effects import CancelEffect, cancel_effect, refusal_of_request
from deployments.environments.rules.phases import ROLLBACKS, Kind, State
from deployments.stacks.models.stacks import Stack
from deployments.stacks.shared import event_log

DISCARDED = "discarded"
"""The cancel code of a change that has not begun."""


def permission_to_cancel(deployment: Deployment) -> str:
    """Return the permission to cancel a deployment: the same as to request it."""
    kind = Kind(deployment.kind)
    return CHANGE if kind in ROLLBACKS else {Kind.UPDATE: CHANGE, Kind.DELETE: DELETE}.get(kind, DEPLOY)


def effect_of(deployment: Deployment, root_status: str | None = None) -> CancelEffect | Message:
    """Return the effect of canceling a deployment now, or why it cannot be canceled.

    `root_status` is the status of its root stack; it is read if it is not passed.
    """
    state = State(deployment.state)
    if root_status is None:
        rows = Stack.objects.of(deployment).filter(path="") if state is State.STACKS else Stack.objects.none()
        root_status = str(rows.values_list("status", flat=True).first() or "")
    return cancel_effect(Kind(deployment.kind), state, root_status)


def request_cancel(*, user: User, deployment: Deployment, effect: str) -> Deployment:
    """Request the cancellation of a deployment, with the effect that the user has seen. A second request
    during the first one returns the same deployment. Raise UserFixable if the deployment cannot be canceled,
    or if the effect has changed since.
    """
    permission = permission_to_cancel(deployment)
    request = CommandRequest(
        user=user, action="cancel", permission=permission, environment=deployment.environment
    )
    with requesting(request):
        rows = Deployment.objects.select_for_update().select_related("environment")
        row = rows.get(pk=deployment.pk)
        request.deployment, request.details = row, {"effect": effect}
        if row.is_active and (row.is_cancel_pending or row.is_stopping):
            return row
        found = effect_of(row)
        if isinstance(found, Message):
            refusal = refusal_of_request(found)
            raise UserFixable("NotCancelable", refusal.code, **refusal.params)
        if found != effect:
            raise UserFixable("CancelEffectChanged", Code.CANCEL_EFFECT_CHANGED)
        request.before, request.after = {"state": row.state}, {"cancel": effect}
        if row.is_open_change or row.state == State.APPROVAL:
            cancel_open_change(row, DISCARDED, user)
        else:
            _mark(row, found, user)
        return row


def _mark(row: Deployment, effect: CancelEffect, user: User) -> None:
    """Mark a deployment as canceled; its next step cancels it. A step in progress is not interrupted."""
    now = timezone.now()
    row.cancel_code = DISCARDED if effect is CancelEffect.DISCARD else effect.value
    row.canceled_by, row.cancel_requested_at = user, now
    row.cancel_accepted_at, row.cancel_refusal = None, {}
    names = ["cancel_code", "canceled_by", "cancel_requested_at", "cancel_accepted_at", "cancel_refusal"]
    row.save(update_fields=names)
    status = row.environment.stack_status
    event_log.add(
        row,
        "cancel.requested",
        key=now.isoformat(),
        user=user.get_username(),
        effect=effect.value,
        status=status,
    )
    rows = Deployment.objects.active().filter(pk=row.pk)
    if row.is_scheduled_creation:  # due at its time, not a lease; a step that begins now loses its claim
        rows.update(due_at=now, version=F("version") + 1)
        return
    leases.hasten(rows, now, timedelta(seconds=settings.SANSO_TICK_LEASE))
