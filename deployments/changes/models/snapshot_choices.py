"""Which databases a change puts at risk, and of which of them snapshots are to be taken before it begins.

Who applies the change chooses; the option of the deployment has one entry for each cluster.
"""

from __future__ import annotations

from typing import Any

from deployments.cloudformation.change_summary import hazards, not_computed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.observed_resources import CLUSTER
from deployments.environments.models.deployments import SNAPSHOT_FIRST, Deployment
from deployments.health.models.reads import databases_in_use

_FINAL = ("Snapshot", "ReplaceAndSnapshot")
"""What CloudFormation does with a resource of which it takes a final snapshot itself (PolicyAction)."""


def databases_at_risk(deployment: Deployment) -> list[str]:
    """Return the clusters whose data the change loses, or may lose.

    If CloudFormation did not compute the changes in nested stacks, these are the databases in use.
    """
    changes = Changes.from_json(deployment.changes)
    found = [one.physical_id for one in hazards(changes) if one.type == CLUSTER and one.physical_id]
    return sorted({*found, *(databases_in_use(deployment.environment) if not_computed(changes) else ())})


def is_advised(deployment: Deployment) -> bool:
    """Return whether no other snapshot is certain: CloudFormation may delete data without a final one."""
    changes = Changes.from_json(deployment.changes)
    lost = [one for one in hazards(changes) if one.type == CLUSTER]
    return bool(not_computed(changes)) or any(one.policy_action not in _FINAL for one in lost)


def choose(row: Deployment, *, is_chosen: bool) -> list[str]:
    """Store the choice with a change; return the clusters. Without a database at risk it has no effect."""
    clusters = databases_at_risk(row) if is_chosen else []
    if clusters or SNAPSHOT_FIRST in row.options:
        chosen = {SNAPSHOT_FIRST: [{"cluster": one} for one in clusters]} if clusters else {}
        row.record(options=unchosen(row.options) | chosen)
    return clusters


def chosen_clusters(deployment: Deployment) -> list[str]:
    """Return the clusters of which snapshots were chosen."""
    return [str(one["cluster"]) for one in deployment.options.get(SNAPSHOT_FIRST, ())]


def unchosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a change without this choice."""
    return {name: value for name, value in options.items() if name != SNAPSHOT_FIRST}


def are_missing(deployment: Deployment) -> bool:
    """Return whether a chosen snapshot is not available yet."""
    return any(not one.get("done") for one in deployment.options.get(SNAPSHOT_FIRST, ()))
