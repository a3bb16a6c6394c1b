"""Check the time at which a change is to be applied, or an environment created."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from deployments.access.commands.requesting import CommandRequest
from deployments.changes.rules.approvals import schedule_problem
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.locks.models.holds import freeze_hold

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
    if why := schedule_problem(scheduled_for, timezone.now()):
        raise UserFixable("ScheduleNotPossible", why.code, FIELD, **why.params)
    if freeze := freeze_hold(account, scheduled_for):
        why = freeze.message
        raise UserFixable("ScheduleFrozen", _FROZEN[why.code], FIELD, **why.params)
