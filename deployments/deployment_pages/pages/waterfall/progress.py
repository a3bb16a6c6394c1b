"""The progress above the rows. For an active deployment it is only read: steps store it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from deployments.cloudformation.timeline import in_ms
from deployments.deployment_pages.pages.waterfall import cache
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.tree import ResourceTree
from deployments.stacks.models.past_state import PastState
from deployments.stacks.models.progress import contradicts_forecast
from deployments.stacks.models.timeline import Timeline
from deployments.stacks.rules.progress import CLOSE, percent_of_time, turns_back


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedProgress:
    """The progress in percent; None after the end and while nothing is known.

    `contradicts`: the forecast displayed beside it contradicts it, so only the bar shows it. `is_slow`: the
    reason is that the forecast has grown while the progress never goes back.
    """

    percent: int | None = None
    contradicts: bool = False
    is_slow: bool = False

    @property
    def number(self) -> int | None:
        """Return the percentage to display as a number beside the time left."""
        return None if self.contradicts else self.percent


def shown(deployment: Deployment, tree: ResourceTree, timeline: Timeline, now: int) -> DisplayedProgress:
    """Return the stored progress in the present direction.

    Between a failure and the rollback there is no forecast: the progress stays where it was.
    """
    if not deployment.is_active:
        return DisplayedProgress()
    if turns_back(Kind(deployment.kind), tree.root_status, deployment.last_phase, tree.nested_statuses):
        return DisplayedProgress(percent=deployment.rollback_progress or None)
    is_slow = contradicts_forecast(deployment, timeline, now)
    return DisplayedProgress(percent=deployment.progress or None, contradicts=is_slow, is_slow=is_slow)


def is_slower_than_forecast(deployment: Deployment) -> bool:
    """Return whether an active deployment takes longer than the forecast that its percentage is based on.

    The timeline comes from the cache of its page.
    """
    if not deployment.is_active or not deployment.progress:
        return False
    found = cache.load(deployment)
    return shown(deployment, found.tree, found.timeline, in_ms(timezone.now())).is_slow


def replayed(past: PastState, timeline: Timeline) -> DisplayedProgress:
    """Return the progress in a replay: the share of the time until the end, which is known.

    A failed deployment is measured against the forecast at its request. The percentage never goes back. The
    forecast beside it is that of the replayed time, and may have been wrong.
    """
    now = in_ms(past.now)
    turn = timeline.course.first_turn
    if turn is not None and past.ended_at:
        return DisplayedProgress(percent=percent_of_time(turn, now, in_ms(past.ended_at)))
    if past.has_succeeded and past.ended_at:
        percent = percent_of_time(timeline.began, now, in_ms(past.ended_at))
    elif timeline.expectation:
        percent = percent_of_time(timeline.began, now, timeline.expectation.end)
    else:
        return DisplayedProgress()
    if timeline.forecast is None:
        return DisplayedProgress(percent=percent)
    by_time = percent_of_time(timeline.began, now, timeline.forecast.end)
    return DisplayedProgress(percent=percent, contradicts=abs(percent - by_time) > CLOSE)
