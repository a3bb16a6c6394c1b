"""The time at which a change or a creation begins, from a form, and the choices of its page."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from deployments.changes.models.approvals import ApplyConditions
from deployments.changes.rules.approvals import schedule_problem
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.locks.models import Hold, freeze_hold

FIELD = "scheduled_for"
LATER, AFTER_FREEZE = "later", "after_freeze"


def scheduled_time(sent: Mapping[str, str]) -> datetime | None:
    """Return the chosen time; None for "at once".

    It is the end of a freeze that the page offered, or a local time in the zone displayed beside its field.
    Raise UserFixable if it is not a valid time, or does not identify one moment in that zone.
    """
    if sent.get("when") == AFTER_FREEZE:
        return _offered(sent.get(AFTER_FREEZE, ""))
    if sent.get("when") != LATER:
        return None
    moment = local_time(sent.get(FIELD, ""), sent.get("zone", ""))
    if moment is None:
        raise UserFixable("ScheduleInvalid", Code.SCHEDULE_INVALID, FIELD)
    return moment


def local_time(text: str, name: str) -> datetime | None:
    """Return the time in a field, in the named zone; None if it is not a valid time.

    Raise UserFixable if it does not identify one moment in that zone.
    """
    try:
        local = parse_datetime(text)
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None:
        return None
    zone = zoneinfo.ZoneInfo(name) if name in _known() else timezone.get_current_timezone()
    offsets = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    if len(offsets) > 1:
        raise UserFixable("ScheduleNotInZone", Code.SCHEDULE_NOT_IN_ZONE, FIELD, zone=name)
    return local.replace(tzinfo=zone)


def _offered(sent: str) -> datetime:
    """Return the time that the page offered, with its offset. Raise UserFixable if it is not valid."""
    try:
        moment = parse_datetime(sent)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UserFixable("ScheduleInvalid", Code.SCHEDULE_INVALID, FIELD)
    return moment


@cache
def _known() -> frozenset[str]:
    """Return the known names of zones: other submitted values must not reach the file system."""
    return frozenset(zoneinfo.available_timezones())


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
    return choices(sent, freeze, is_not_now=is_not_now) | {
        "frozen": message_text(planned.message) if planned else ""
    }


def choices(sent: Mapping[str, str], freeze: Hold | None, *, is_not_now: bool) -> dict[str, Any]:
    """Return the choices of a form: the end of a freeze that can be waited for, and what is chosen."""
    offered = freeze if freeze and can_wait_for(freeze) else None
    return {
        "after_freeze": offered.until if offered else None,
        "is_not_now": is_not_now,
        "chosen_time": chosen(sent.get("when", ""), is_not_now=is_not_now, is_offered=offered is not None),
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
