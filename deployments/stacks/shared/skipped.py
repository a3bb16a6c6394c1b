"""Resources that rollbacks skipped in an environment, until they match the templates again."""

from __future__ import annotations

from typing import Any

from deployments.cloudformation.change_summary import surely_changed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.stuck_resources import StuckResource, unreconciled
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State

IN_LINE = "in_line"
"""The option of a change with the paths that were confirmed to match when it was applied."""


def begin(deployment: Deployment) -> None:
    """Remove the paths that were confirmed when the change was applied: it begins now."""
    confirmed = deployment.options.get(IN_LINE)
    if not confirmed:
        return
    before = Environment.objects.get(pk=deployment.environment_id).skipped_resources
    rest = [one.as_json() for one in before if one.key not in confirmed]
    Environment.objects.filter(pk=deployment.environment_id).update(skipped=rest)


def unconfirmed(deployment: Deployment) -> dict[str, Any]:
    """Return the options of a change without the paths that were confirmed with its preview."""
    return {name: value for name, value in deployment.options.items() if name != IN_LINE}


def after(deployment: Deployment, state: State) -> dict[str, Any]:
    """Return the values of the environment's row after a deployment has ended in a state.

    A rollback adds the resources that it skipped, even if it failed again: CloudFormation counts them as
    rolled back. A successful change removes those that it updated, replaced or removed.
    """
    before = Environment.objects.get(pk=deployment.environment_id).skipped_resources
    if deployment.kind == Kind.ROLLBACK:
        new = [StuckResource.from_json(one) for one in deployment.options.get("skip", ())]
        left = {one.key: one for one in (*before, *new)}
        return {"skipped": [one.as_json() for one in left.values()]}
    if deployment.kind == Kind.UPDATE and state is State.SUCCEEDED and before:
        rest = unreconciled(before, surely_changed(Changes.from_json(deployment.changes)))
        return {"skipped": [one.as_json() for one in rest]}
    return {}
