"""The time of a change or a creation: check it, and give a creation that waits another one."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from deployments.access.commands.requesting import DEPLOY, CommandRequest, requesting
from deployments.changes.rules.approvals import schedule_problem
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.locks.models import freeze_hold
from deployments.stacks.shared import event_log

FIELD = "scheduled_for"
_FROZEN = {
    Code.ACCOUNT_FROZEN: Code.SCHEDULE_FROZEN,
    Code.ACCOUNT_FROZEN_UNTIL: Code.SCHEDULE_FROZEN_UNTIL,
}


def check(request: CommandRequest, account: Account, scheduled_for: datetime | None) -> None:
    """Add the time to the audit record. Raise UserFixable if it cannot be chosen, or is inside a freeze."""
    if scheduled_for is None:
        return
    request.details["scheduled_for"] = scheduled_for.isoformat()
    refuse("ScheduleNotPossible", schedule_problem(scheduled_for, timezone.now()), FIELD)
    if freeze := freeze_hold(account, scheduled_for):
        why = freeze.message
        raise UserFixable("ScheduleFrozen", _FROZEN[why.code], FIELD, **why.params)


def reschedule(*, user: User, deployment: Deployment, scheduled_for: datetime | None) -> Deployment:
    """Give a creation that waits for its time another one; without one, it begins now.

    A second call returns the same deployment. Raise UserFixable if it is not a creation that waits for its
    time, or if the time cannot be chosen.
    """
    action = "start_scheduled" if scheduled_for is None else "reschedule"
    request = CommandRequest(user=user, action=action, permission=DEPLOY, environment=deployment.environment)
    with requesting(request):
        row = Deployment.objects.select_for_update().select_related("environment").get(pk=deployment.pk)
        request.deployment, request.reason = row, row.reason
        if _has_begun(row) and scheduled_for is None:
            request.repeats = True
            return row
        if row.kind != Kind.CREATE or row.state != State.SCHEDULED or row.cancel_code:
            raise UserFixable("NotScheduled", Code.NOT_SCHEDULED)
        check(request, row.environment.account, scheduled_for)
        _set_time(request, row, scheduled_for or timezone.now(), is_now=scheduled_for is None)
        return row


def _has_begun(row: Deployment) -> bool:
    was_scheduled = row.kind == Kind.CREATE and row.scheduled_for is not None
    return was_scheduled and row.is_active and row.state != State.SCHEDULED and not row.cancel_code


def _set_time(request: CommandRequest, row: Deployment, at: datetime, *, is_now: bool) -> None:
    """Store the time. A step that has begun for the earlier one loses its claim."""
    before = row.scheduled_for.isoformat() if row.scheduled_for else ""
    request.changes({"scheduled_for": before}, {"scheduled_for": at.isoformat()})
    row.scheduled_for = at
    Deployment.objects.filter(pk=row.pk).update(scheduled_for=at, due_at=at, version=F("version") + 1)
    values = {"user": request.user.get_username(), "at": "" if is_now else at.isoformat()}
    event_log.add(row, "schedule.changed", key=at.isoformat(), **values)
