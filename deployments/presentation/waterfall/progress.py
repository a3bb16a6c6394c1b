"""The percentage above the rows. That of an active deployment is only read: steps store it."""

from __future__ import annotations

from deployments.core.phases import Kind
from deployments.core.progress import percent_of_time, turns_back
from deployments.core.timeline import in_ms
from deployments.models import Deployment
from deployments.models.past_state import PastState
from deployments.models.timeline import Timeline
from deployments.presentation.waterfall.tree import ResourceTree


def shown(deployment: Deployment, tree: ResourceTree) -> int | None:
    """Return the stored progress in the present direction; None after the end and while nothing is known.

    Between a failure and the rollback there is no forecast: the progress stays where it was.
    """
    if not deployment.is_active:
        return None
    is_back = turns_back(Kind(deployment.kind), tree.root_status)
    return (deployment.rollback_progress if is_back else deployment.progress) or None


def replayed(past: PastState, timeline: Timeline) -> int | None:
    """Return the progress in a replay: the share of the time until the end, which is known.

    What failed is measured against the forecast at its request. The percentage never goes back.
    """
    now = in_ms(past.now)
    turn = timeline.course.turn
    if turn is not None and past.ended_at:
        return percent_of_time(turn, now, in_ms(past.ended_at))
    if past.has_succeeded and past.ended_at:
        return percent_of_time(timeline.start, now, in_ms(past.ended_at))
    expected = timeline.expectation
    return percent_of_time(timeline.start, now, expected.end) if expected else None
