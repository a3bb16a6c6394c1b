"""What the page of a finished deployment shows before it is played, and the bar with the controls."""

from __future__ import annotations

from typing import Any

from deployments.models import Deployment
from deployments.models.past_state import as_of, event_times
from deployments.presentation.waterfall.view_model import DeploymentView

SPEEDS = (1, 2, 5, 10, 30, 60)


def view_at_start(deployment: Deployment) -> DeploymentView:
    """Return what the page shows before it is played."""
    first = event_times(deployment)[:1]
    return DeploymentView.past(as_of(deployment, first[0][0] if first else 0))


def controls(deployment: Deployment) -> dict[str, Any]:
    """Return what the bar with the controls needs."""
    return {"moments": event_times(deployment), "speeds": SPEEDS}
