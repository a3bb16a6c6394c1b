"""The preview of a change: its changes, facts about data at risk, and whether the prediction was right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployments.aws.cloudformation import ChangeSet, ResourceChange
from deployments.aws.cloudwatch import ClusterUse
from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, Backup
from deployments.aws.session import Clients
from deployments.changes.rules.databases_at_risk import DatabaseAtRisk
from deployments.cloudformation.change_effects import judged
from deployments.cloudformation.change_summary import (
    compare_with_events,
    hazards,
    replaced_after_all,
    uncertain_replacements,
)
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, LinkKind, action_of
from deployments.cloudformation.drift import FoundState
from deployments.cloudformation.observed_resources import CLUSTER
from deployments.common.errors import AwsFailure
from deployments.common.models.encryption import decrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared.change_sets import filled
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.rules.local_diff import parameter_changes

NOTHING_ELSE = FoundState()


def preview_of(
    deployment: Deployment, tree: Mapping[str, ChangeSet], found: FoundState = NOTHING_ELSE
) -> Changes:
    """Return the changes of change sets, by the path of their stack, with their effects and causes.

    The side before is what AWS has: the last good deployment, with what else was `found`.
    """
    template_set = stored_sets.uploaded(deployment)
    base, before = _before(deployment, found)
    after = before | deployment.parameters | filled(deployment, template_set)
    declared = template_set.parameters
    differing = parameter_changes(
        before,
        {name: value for name, value in after.items() if name in declared or name in before},
        secrets=[name for name, one in declared.items() if one.no_echo],
        changed_secrets=list(decrypt_values(deployment.sealed_parameters)),
        old_defaults=base.defaults if base else None,
        new_defaults=template_set.defaults,
        undone=found.returning,
    )
    causes: dict[str, LinkKind] = {one.name: one.cause for one in differing}
    portals = (template_set.bucket_parameter, template_set.prefix_parameter, template_set.boundary_parameter)
    for name in portals:
        if name in causes:  # the portal sets them: they change with the files of the set
            causes[name] = LinkKind.DEFAULT
    return judged(
        replace(
            changes_of(tree, template_set.digest),
            root_only=deployment.is_root_only,
            root_only_reason=str(deployment.changes.get("root_only_reason", "")),
        ),
        # The stack has the images of the previous deployment; the environment's parameters leave them out.
        base.side(deployment.base.images | before) if base and deployment.base else None,
        template_set.side(after),
        causes,
    )


def _before(
    deployment: Deployment, found: FoundState
) -> tuple[template_files.TemplateSet | None, dict[str, str]]:
    """Return the template set and the values before a change; None if the set is not stored."""
    good = deployment.base
    values = {**deployment.environment.parameters, **(good.parameters if good else {})}
    digest = found.template_digest if found.template_digest != "" else good.template_digest if good else ""
    return stored_sets.find(digest or ""), values | {one.name: one.now for one in found.values}


def changes_of(tree: Mapping[str, ChangeSet], template_digest: str) -> Changes:
    """Return CloudFormation's changes from the change sets of a tree, given by the path of their stack."""
    return Changes(
        template_digest=template_digest,
        computed=tuple(tree),
        resources=tuple(
            _resource(f"{path}/{change.logical_id}".lstrip("/"), change)
            for path, change_set in tree.items()
            for change in change_set.changes
        ),
    )


def _resource(path: str, change: ResourceChange) -> ChangedResource:
    return ChangedResource(
        path=path,
        action=action_of(change.action, change.replacement),
        type=change.type,
        physical_id=change.physical_id,
        replacement=change.replacement,
        policy_action=change.policy_action,
        scope=change.scope,
        properties=tuple(
            ChangedProperty(
                name=one.name,
                attribute=one.attribute,
                path=one.path,
                before=one.before,
                after=one.after,
                recreation=one.recreation,
                evaluation=one.evaluation,
                source=one.source,
                cause=one.causing_entity,
            )
            for one in change.details
        ),
    )


def digest(deployment: Deployment, changes: Changes) -> str:
    """Return the digest of the displayed and approved content: the changes, the template set, the parameters.

    For secrets, only their presence counts: `sealed_parameters` differs each time.
    """
    shown = [changes.digest, deployment.parameters, bool(deployment.sealed_parameters)]
    shown += [str(deployment.token), deployment.revision]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def keep_prediction(deployment: Deployment) -> None:
    """Store which resources predicted as unchanged have events, and which uncertain replacements happened."""
    if not deployment.changes:
        return
    changes = Changes.from_json(deployment.changes)
    touched = [one.path for one in Resource.objects.touched_in(deployment)]
    found: dict[str, object] = {"prediction": compare_with_events(changes, touched).to_json()}
    if uncertain_replacements(changes):
        found["replaced"] = replaced_after_all(changes, Event.objects.updated_ids(deployment))
    deployment.record(changes=deployment.changes | found)


MOST = 5
"""Maximum number of clusters to look up for one change."""


def gather_facts(changes: Changes, clients: Clients, now: datetime) -> dict[str, Any]:
    """Return the facts about each cluster whose data is or may be lost, by its path, for a JSON column.

    Facts that AWS returns an error for are left out: the preview does not wait for them.
    """
    lost = [one for one in hazards(changes) if one.type == CLUSTER and one.physical_id]
    found = {one.path: _facts(one.physical_id, clients, now) for one in lost[:MOST]}
    return {path: facts.to_json() for path, facts in found.items() if facts}


def _facts(cluster_id: str, clients: Clients, now: datetime) -> DatabaseAtRisk | None:
    clusters = []
    with suppress(AwsFailure):
        clusters = clients.rds.clusters([cluster_id])
    if not clusters:
        return None
    use, snapshots, newest = ClusterUse(), None, None
    with suppress(AwsFailure):
        use = clients.cloudwatch.cluster_use(cluster_id)
    with suppress(AwsFailure):
        backups = [one for one in clients.rds.cluster_backups(cluster_id) if _stays(one)]
        snapshots = len(backups)
        newest = max((one.created_at for one in backups if one.created_at), default=None)
    return DatabaseAtRisk(
        at=now.isoformat(),
        cluster=cluster_id,
        engine=clusters[0].engine_version,
        instances=len(clusters[0].members),
        is_protected=clusters[0].deletion_protection,
        snapshots=snapshots,
        snapshot_at=newest.isoformat() if newest else None,
        size=use.size,
        connections=use.connections,
    )


def _stays(backup: Backup) -> bool:
    """Return whether a backup outlives its cluster: automated snapshots are deleted with it."""
    return backup.type == CLUSTER_SNAPSHOT and backup.kind == "manual"
