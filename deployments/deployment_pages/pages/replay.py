"""The page of a finished deployment before its replay starts, and the bar with the controls."""

from __future__ import annotations

from typing import Any

from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of, event_times

SPEEDS = (1, 2, 5, 10, 30, 60)


def view_at_start(deployment: Deployment) -> DeploymentView:
    """Return the view of the page before the replay starts."""
    first = event_times(deployment)[:1]
    return DeploymentView.past(as_of(deployment, first[0][0] if first else 0))


def controls(deployment: Deployment) -> dict[str, Any]:
    """Return the data of the bar with the controls.

    `stacks_at` is when CloudFormation began (epoch milliseconds), or the end if it never did: before that,
    nothing moves between two events.
    """
    times = event_times(deployment)
    first = Event.objects.of(deployment).from_source("cloudformation").first()
    begin = first.seq if first else deployment.last_seq
    return {"moments": times, "speeds": SPEEDS, "stacks_at": dict(times).get(begin, 0)}
