"""What the page of a finished deployment shows before it is played, and the bar with the controls."""

from __future__ import annotations

from typing import Any

from deployments.models import Deployment, Event
from deployments.models.past_state import as_of, event_times
from deployments.presentation.waterfall.view_model import DeploymentView

SPEEDS = (1, 2, 5, 10, 30, 60)


def view_at_start(deployment: Deployment) -> DeploymentView:
    """Return what the page shows before it is played."""
    first = event_times(deployment)[:1]
    return DeploymentView.past(as_of(deployment, first[0][0] if first else 0))


def controls(deployment: Deployment) -> dict[str, Any]:
    """Return what the bar with the controls needs.

    `stacks_at` is when CloudFormation began (epoch milliseconds), the end if it never did: only from then on
    does anything move between two events.
    """
    times = event_times(deployment)
    first = Event.objects.of(deployment).from_source("cloudformation").first()
    begin = first.seq if first else deployment.last_seq
    return {"moments": times, "speeds": SPEEDS, "stacks_at": dict(times).get(begin, 0)}
