"""Store the percentage of a deployment in its steps, rarely enough to cost them little time."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime

from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import WAITS, State
from deployments.stacks.models import progress as stored_progress
from deployments.stacks.steps import notices

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
        notices.forecast_computed(deployment, end, timezone.now())
    ended = time.monotonic()
    _next[deployment.pk] = ended + max(INTERVAL, COST_FACTOR * (ended - begun))
    _next.move_to_end(deployment.pk)
    while len(_next) > MAX_ENTRIES:
        _next.popitem(last=False)


def clear() -> None:
    """Forget when the percentages were computed."""
    _next.clear()
