"""Which deployments are shown as a preview."""

from __future__ import annotations

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State


def is_preview(deployment: Deployment) -> bool:
    """Return whether a deployment's page is its preview: a change whose stacks have not begun."""
    if deployment.kind != Kind.UPDATE or deployment.operation not in ("", "plan"):
        return False
    state = State(deployment.state)
    if state in BEFORE_STACKS or state is State.CANCELED or deployment.changed_nothing:
        return True
    return state is State.FAILED and State(deployment.last_phase) in BEFORE_STACKS
