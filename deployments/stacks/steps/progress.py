"""Store the percentage of a deployment in its steps, rarely enough; notify if it is late."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime

from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import WAITS, State
from deployments.notifications.models import NoticeState
from deployments.notifications.rules.topics import Topic, is_late
from deployments.notifications.shared import outbox
from deployments.notifications.shared.outbox import about_deployment
from deployments.stacks.models import progress as stored_progress

INTERVAL = 2.0
"""Seconds between two computations for a deployment, in one process."""
COST_FACTOR = 20
"""Forecasts of many resources take long to compute: limit them to a twentieth of the time."""
MAX_ENTRIES = 256

_next: OrderedDict[int, float] = OrderedDict()


def advance(deployment: Deployment) -> None:
    """Compute and store the percentage of an active deployment if it is due."""
    begun = time.monotonic()
    waits = deployment.state == State.PREVIEW or deployment.state in WAITS  # for a person, or for its time
    if not deployment.is_active or waits or begun < _next.get(deployment.pk, 0.0):
        return
    forecast = stored_progress.advance(deployment)
    if forecast is not None:
        end = datetime.fromtimestamp(forecast.end / 1000, UTC)
        forecast_computed(deployment, end, timezone.now())
    ended = time.monotonic()
    _next[deployment.pk] = ended + max(INTERVAL, COST_FACTOR * (ended - begun))
    _next.move_to_end(deployment.pk)
    while len(_next) > MAX_ENTRIES:
        _next.popitem(last=False)


def clear() -> None:
    """Forget when the percentages were computed."""
    _next.clear()


def forecast_computed(deployment: Deployment, end: datetime, now: datetime) -> None:
    """Notify that a deployment will take longer than was forecast at first, once."""
    topic = Topic.DEPLOYMENT_LATE
    targets = outbox.destinations_of(topic, deployment.environment)
    if not targets:
        return
    began = deployment.began_at
    defaults = {"values": {"end": end.isoformat()}}
    row, is_first = NoticeState.objects.get_or_create(key=f"forecast:{deployment.pk}", defaults=defaults)
    first_end = datetime.fromisoformat(row.values["end"])
    if is_first or not is_late(began, first_end, end):
        return
    payload = about_deployment(deployment) | {"first_end": first_end.isoformat(), "end": end.isoformat()}
    key, environment = f"{topic}:{deployment.pk}", deployment.environment
    outbox.write(targets, topic, key, payload, now, environment=environment, deployment=deployment)
