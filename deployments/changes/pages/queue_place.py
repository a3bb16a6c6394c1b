"""The position of an applied change in the queue of its environment, and the deployment that it waits for."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePosition:
    """`position` is 1 for the first in the queue; `blocker` is the deployment that it waits for."""

    position: int
    blocker: Deployment

    @property
    def marker(self) -> str:
        """Return a text that changes with the position and the blocker."""
        return f"{self.position}-{self.blocker.pk}"


def position_of(deployment: Deployment) -> QueuePosition | None:
    """Return the position of a queued change; None if nothing blocks it. No query if it is not queued."""
    if deployment.state != State.QUEUED:
        return None
    queue = Deployment.objects.queue_of(deployment.environment_id).select_related("requested_by")
    before = [one for one in queue if (one.applied_at, one.pk) < (deployment.applied_at, deployment.pk)]
    holder = Deployment.objects.filter(active_key=deployment.environment_id).select_related("requested_by")
    blocker = before[-1] if before else holder.exclude(pk=deployment.pk).first()
    return QueuePosition(position=len(before) + 1, blocker=blocker) if blocker else None
