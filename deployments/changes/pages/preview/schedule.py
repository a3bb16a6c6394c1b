"""The choices of when to apply a change on its page: now, after a freeze, or at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from deployments.changes.models.apply_conditions import ApplyConditions
from deployments.changes.pages.forms.schedule import AFTER_FREEZE, LATER, scheduled_time
from deployments.changes.rules.approvals import schedule_problem
from deployments.common.errors import UserFixable
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.locks.models.holds import Hold, freeze_hold


def can_wait_for(freeze: Hold) -> bool:
    """Return whether a change can be scheduled for the end of a freeze."""
    return freeze.until is not None and schedule_problem(freeze.until, timezone.now()) is None


def schedule_context(
    deployment: Deployment, sent: Mapping[str, str], conditions: ApplyConditions
) -> dict[str, Any]:
    """Return the choices: `after_freeze` is the end of a freeze now, or at the time that was `sent`.

    `frozen` is why the change cannot begin now, or at its scheduled time.
    """
    account = deployment.environment.account
    now = conditions.freeze
    freeze = freeze_hold(account, at) if (at := sent_time(sent)) else now
    planned = freeze_hold(account, deployment.scheduled_for) if deployment.scheduled_for else now
    is_not_now = now is not None and conditions.policy is None
    offered = freeze if freeze and can_wait_for(freeze) else None
    return {
        "after_freeze": offered.until if offered else None,
        "is_not_now": is_not_now,
        "chosen_time": chosen(sent.get("when", ""), is_not_now=is_not_now, is_offered=offered is not None),
        "frozen": message_text(planned.message) if planned else "",
    }


def chosen(sent: str, *, is_not_now: bool, is_offered: bool) -> str:
    """Return the selected choice: the one that was sent, or else the first possible one."""
    if sent == AFTER_FREEZE and not is_offered:
        return LATER
    return sent or (AFTER_FREEZE if is_not_now and is_offered else "now")


def sent_time(sent: Mapping[str, str]) -> datetime | None:
    """Return the valid time that was sent; None for any other."""
    try:
        return scheduled_time(sent)
    except UserFixable:
        return None
