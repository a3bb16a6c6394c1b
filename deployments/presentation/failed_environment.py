"""The environment's page after a failure: what happened, what is left, and the way out."""

from __future__ import annotations

from typing import Any

from deployments.core.phases import AFTER_STACKS, Kind, State
from deployments.core.root_cause import root_cause
from deployments.models import Deployment, Environment, Event
from deployments.presentation import failure_banner

_FAILED = (State.FAILED.value, State.ROLLED_BACK.value)


def failure_context(environment: Environment) -> dict[str, Any]:
    """Return the banner of the latest deployment when it failed, and whether there ever was an environment.

    `never_created` is set when CloudFormation did not create it: then there is no health to show.
    """
    latest = environment.latest
    gone = environment.deleted_at is not None or environment.missing_since is not None
    if latest is None or gone or latest.state not in _FAILED:
        return {"failure": None, "never_created": False}
    latest.environment = environment  # with its account and its latest deployment, which the banner needs
    landmarks = Event.objects.of(latest).landmarks()
    cause = root_cause(found for event in landmarks if (found := event.as_failure()))
    return {
        "failure": failure_banner.of_deployment(latest, cause, is_latest=True),
        "never_created": _was_never_created(latest),
    }


def _was_never_created(latest: Deployment) -> bool:
    """Return whether the environment's creation failed before its stacks were complete."""
    creation: Deployment | None = latest
    if latest.kind == Kind.DELETE:
        creation = Deployment.objects.creations_of(latest.environment).first()
    if creation is None or creation.kind != Kind.CREATE:
        return False
    return creation.state in _FAILED and State(creation.last_phase) not in AFTER_STACKS
