"""A change that has not begun, as pages show it: its preview, its place in the queue and who is before."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.core.phases import State
from deployments.models import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChange:
    """What can be done with a change that has not begun.

    `blocker` is the deployment that holds the environment or is the next before it in the queue; `position`
    is 1 for the first in the queue, 0 for a change that is not in it.
    """

    is_preview: bool
    count: int
    position: int = 0
    blocker: Deployment | None = None
    is_ending: bool = False


def open_change(deployment: Deployment) -> OpenChange | None:
    """Return a change that has not begun; None for any other deployment, without a query."""
    if not deployment.is_open_change or not deployment.is_active:
        return None
    if deployment.state != State.QUEUED:
        is_preview = deployment.state == State.PREVIEW
        return OpenChange(
            is_preview=is_preview,
            count=len(deployment.changes.get("resources", ())),
            is_ending=bool(deployment.cancel_code),
        )
    queue = Deployment.objects.queue_of(deployment.environment_id).select_related("requested_by")
    before = [one for one in queue if (one.applied_at, one.pk) < (deployment.applied_at, deployment.pk)]
    holder = Deployment.objects.filter(active_key=deployment.environment_id).select_related("requested_by")
    return OpenChange(
        is_preview=False,
        count=0,
        position=len(before) + 1,
        blocker=before[-1] if before else holder.first(),
        is_ending=bool(deployment.cancel_code),
    )
