"""The clock time at which an environment is expected to be ready again after a change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from deployments.changes.rules.assessment import ChangeDuration
from deployments.common.pages.datetime_formats import zone_name
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State

MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAt:
    """The time with its range in the current zone, to the minute.

    `offsets` are the same in seconds from the beginning of the change: the page's script moves the times of a
    change that is not scheduled yet.
    """

    middle: str
    low: str
    high: str
    zone: str
    offsets: str
    is_planned: bool


def ready_at(deployment: Deployment, duration: ChangeDuration | None, now: datetime) -> ReadyAt | None:
    """Return when the environment is ready if a change begins now or at its scheduled time.

    Return None without a forecast, and while the beginning of the change is unknown.
    """
    state = State(deployment.state)
    if duration is None or state not in (State.PREVIEW, State.SCHEDULED):
        return None
    planned = deployment.scheduled_for if state is State.SCHEDULED else None
    start = (planned or now).timestamp()
    middle = _minute(round((start + duration.seconds) / MINUTE))
    return ReadyAt(
        middle=f"{middle:%Y-%m-%d %H:%M}" if planned else f"{middle:%H:%M}",
        low=f"{_minute(math.floor((start + duration.low) / MINUTE)):%H:%M}",
        high=f"{_minute(math.ceil((start + duration.high) / MINUTE)):%H:%M}",
        zone=zone_name(middle),
        offsets=f"{duration.seconds:.0f} {duration.low:.0f} {duration.high:.0f}",
        is_planned=planned is not None,
    )


def _minute(minutes: int) -> datetime:
    """Return a local time from its minutes since 1970."""
    return timezone.localtime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
