"""The percentage of an active deployment, computed from its rows and stored with it; it never goes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.utils import timezone

from deployments.cloudformation.timeline import in_ms
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.models import timeline as timelines
from deployments.stacks.models.stacks import Stack
from deployments.stacks.models.timeline import Timeline
from deployments.stacks.rules.forecast import Forecast
from deployments.stacks.rules.progress import ALMOST, is_ahead, percent_of_time, rolled_back, turns_back


def advance(deployment: Deployment) -> Forecast | None:
    """Compute the percentage, and store it if it is higher than the stored one of the same direction.

    Return the forecast that it was computed from; None in a rollback, or if there is none.
    """
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    now = timezone.now()
    timeline = timelines.load(deployment, stacks=stacks, now=now)
    percent = of_rows(stacks, timeline, in_ms(now), deployment.last_phase)
    is_back = goes_back(Kind(deployment.kind), stacks, deployment.last_phase)
    if percent is not None:
        deployment.advance_progress(percent, back=is_back)
    return None if is_back else timeline.forecast


def of_rows(stacks: Sequence[Stack], timeline: Timeline, now: int, phase: str = "") -> int | None:
    """Return the percentage from the rows only: by time, and in a rollback by the rolled back resources.

    Return None if there is neither a forecast nor a rollback.
    """
    if goes_back(timeline.course.kind, stacks, phase):
        statuses = Counter(resource.status for stack in stacks for resource in stack.resources.all())
        return min(ALMOST, rolled_back(statuses.items()).percent)
    return None if timeline.forecast is None else percent_of_time(timeline.began, now, timeline.forecast.end)


def goes_back(kind: Kind, stacks: Sequence[Stack], phase: str = "") -> bool:
    """Return whether a stack rolls back, or the root is deleted because its creation was canceled."""
    root = next((stack.status for stack in stacks if not stack.path), "")
    return turns_back(kind, root, phase, [stack.status for stack in stacks if stack.path])


def contradicts_forecast(deployment: Deployment, timeline: Timeline, now: int) -> bool:
    """Return whether the stored percentage contradicts the time left: the forecast has grown since."""
    forecast = timeline.forecast
    return forecast is not None and is_ahead(
        deployment.progress, percent_of_time(timeline.began, now, forecast.end)
    )
