"""Rows of changes with previews that were recorded in a real run."""

from __future__ import annotations

from typing import Any

from deployments.cloudformation.change_effects import judged
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment
from tests.cloudformation.recorded import recorded


def recorded_changes(scene: str) -> Changes:
    """Return the changes of a recorded scene with their effects and causes."""
    found = recorded(scene)
    return judged(found.changes, found.before, found.after, found.parameters)


def make_preview(environment: Environment, scene: str = "", **values: Any) -> Deployment:
    """Return a saved change whose preview is ready, with the changes of a recorded scene."""
    changes = recorded_changes(scene) if scene else Changes()
    defaults: dict[str, Any] = {
        "kind": "update",
        "state": "preview",
        "last_phase": "preview",
        "active_key": None,
        "changes": changes.to_json(),
        "preview_digest": changes.digest,
    }
    latest = environment.latest
    deployment = make_deployment(environment, **(defaults | values))
    Environment.objects.filter(pk=environment.pk).update(latest=latest)  # the change has not started
    return deployment


def many_changes(number: int, *, are_equal: bool = False) -> Changes:
    """Return changes of a number of resources in ten stacks, each to another value or all to the same."""
    return Changes(
        resources=tuple(
            ChangedResource(
                path=f"Stack{at % 10}/Topic{at}",
                action="modify",
                type="AWS::SNS::Topic",
                replacement="False",
                properties=(
                    ChangedProperty(name="DisplayName", before="", after="" if are_equal else str(at)),
                ),
            )
            for at in range(number)
        )
    )
