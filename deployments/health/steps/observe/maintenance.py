"""Maintenance of Aurora clusters: pending actions of RDS, upgrade targets, the end of support, secrets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from deployments.aws.rds import Cluster
from deployments.aws.rds_maintenance import EngineSupport, PendingAction, UpgradeTarget
from deployments.health.models.maintenance import DatabaseMaintenance, DatabaseSecret, PendingMaintenance
from deployments.health.rules.maintenance import newer_minor_versions, support_of
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync


class Maintenance:
    """The source `maintenance`: all clusters of the account share its calls, except those about secrets.

    There is one per hundred clusters, one for all pending actions, one for each version and one for each
    engine. What a denied call would return keeps its value.
    """

    source = "maintenance"

    def __init__(self) -> None:
        self._clusters: dict[str, Cluster] | None = None
        self._actions: list[PendingAction] | None = None
        self._targets: dict[tuple[str, str], list[UpgradeTarget]] = {}
        self._support: dict[str, list[EngineSupport]] = {}

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Poll the clusters of all environments, their versions, and the pending actions."""
        mine = [one for one in observed if one.parts.clusters]
        ids = [cluster_id for one in mine for cluster_id in one.parts.clusters]
        if not ids:
            return
        clusters = polls.call(mine, partial(polls.clients.rds.clusters, ids))
        if clusters is None:
            return
        self._clusters = {row.cluster_id: row for row in clusters}
        maintenance = polls.clients.rds_maintenance
        self._actions = polls.call(mine, maintenance.pending_actions)
        for engine, version in sorted({(row.engine, row.engine_version) for row in clusters}):
            targets = polls.call(mine, partial(maintenance.upgrade_targets, engine, version))
            if targets is not None:
                self._targets[engine, version] = targets
        for engine in sorted({row.engine for row in clusters}):
            support = polls.call(mine, partial(maintenance.support_of, engine))
            if support is not None:
                self._support[engine] = support

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Write the maintenance of the environment's clusters."""
        known = self._clusters if one.parts.clusters else {}
        if known is None:
            return
        found = [row for cluster_id in one.parts.clusters if (row := known.get(cluster_id))]
        rows = DatabaseMaintenance.objects.filter(environment=one.environment)
        new = {"environment": one.environment, "observed_at": polls.now}
        wanted = {(row.cluster_id,): self._values(row) for row in found}
        _changed, gone = sync(rows, ("cluster_id",), wanted, polls.now, new=new)
        DatabaseMaintenance.objects.filter(pk__in=[row.pk for row in gone]).delete()
        if self._actions is not None or not found:
            self._write_actions(polls, one, found)
        self._write_secrets(polls, one, found)

    def _values(self, cluster: Cluster) -> dict[str, Any]:
        values: dict[str, Any] = {
            "maintenance_window": cluster.maintenance_window,
            "engine_version": cluster.engine_version,
        }
        targets = self._targets.get((cluster.engine, cluster.engine_version))
        if targets is not None:
            values["newer_versions"] = newer_minor_versions(targets)
        if cluster.engine in self._support:
            support = support_of(cluster.engine_version, self._support[cluster.engine])
            values["standard_support_ends_at"] = support.standard_ends_at if support else None
            values["extended_support_ends_at"] = support.extended_ends_at if support else None
        return values

    def _write_actions(self, polls: PollRound, one: ObservedEnvironment, clusters: Sequence[Cluster]) -> None:
        """Write the pending actions of the clusters and of their instances."""
        owners = {("cluster", row.cluster_id): (row.cluster_id, "") for row in clusters} | {
            ("db", member.instance_id): (row.cluster_id, member.instance_id)
            for row in clusters
            for member in row.members
        }
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {
            (*owner, action.action): {
                "description": action.description,
                "apply_after": action.apply_after,
                "forced_at": action.forced_at,
                "applies_at": action.applies_at,
                "opt_in": action.opt_in,
            }
            for action in self._actions or ()
            if (owner := owners.get((action.kind, action.resource_id)))
        }
        rows = PendingMaintenance.objects.filter(environment=one.environment)
        new = {"environment": one.environment, "observed_at": polls.now}
        _changed, gone = sync(rows, ("cluster_id", "instance_id", "action"), wanted, polls.now, new=new)
        PendingMaintenance.objects.filter(pk__in=[row.pk for row in gone]).delete()

    def _write_secrets(self, polls: PollRound, one: ObservedEnvironment, clusters: Sequence[Cluster]) -> None:
        """Write the ages of the administrators' secrets and of those of the stacks."""
        owners = dict.fromkeys(one.parts.secrets if clusters else (), "") | {
            row.secret_arn: row.cluster_id for row in clusters if row.secret_arn
        }
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for arn, cluster_id in owners.items():
            found = polls.call([one], partial(polls.clients.secrets.age_of, arn))
            if found is not None:
                wanted[arn,] = {
                    "name": found.name,
                    "cluster_id": cluster_id,
                    "value_created_at": found.value_created_at,
                    "rotates": found.rotates,
                    "rotated_at": found.rotated_at,
                    "rotates_at": found.rotates_at,
                }
        rows = DatabaseSecret.objects.filter(environment=one.environment)
        new = {"environment": one.environment, "observed_at": polls.now}
        _changed, gone = sync(rows, ("arn",), wanted, polls.now, new=new)
        DatabaseSecret.objects.filter(pk__in=[row.pk for row in gone if row.arn not in owners]).delete()
