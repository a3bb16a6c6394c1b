"""The percentage above the rows: by time, and in a rollback by what is rolled back. It never goes back."""

from __future__ import annotations

from deployments.core.progress import ALMOST, percent_of_time
from deployments.core.status import is_rollback
from deployments.models import Deployment
from deployments.models.timeline import Timeline
from deployments.presentation.waterfall.tree import ResourceTree


def computed(tree: ResourceTree, timeline: Timeline, now: int) -> int | None:
    """Return the progress by the rows alone; None when there is neither a forecast nor a rollback."""
    if is_rollback(tree.root_status):
        return min(ALMOST, tree.rolled_back.percent)
    return None if timeline.forecast is None else percent_of_time(timeline.start, now, timeline.forecast.end)


def shown(deployment: Deployment, tree: ResourceTree, timeline: Timeline, now: int) -> int | None:
    """Return the progress to show, at least what was shown before; None while nothing is known of it.

    Between a failure and the rollback there is no forecast: the progress stays where it was.
    """
    if not deployment.is_active:
        return None
    back = is_rollback(tree.root_status)
    percent = computed(tree, timeline, now)
    return deployment.advance_progress(percent or 0, back=back) or percent
