"""The time at which to apply a change, from a form of the preview's page."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

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
