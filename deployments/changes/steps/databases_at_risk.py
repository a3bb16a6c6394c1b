"""Look up facts about the databases whose data a change deletes, for its preview."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from deployments.aws.cloudwatch import ClusterUse
from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, Backup
from deployments.aws.session import Clients
from deployments.changes.rules.databases_at_risk import DatabaseAtRisk
from deployments.cloudformation.change_summary import hazards
from deployments.cloudformation.changes import Changes
from deployments.common.errors import AwsFailure

CLUSTER = "AWS::RDS::DBCluster"
MOST = 5
"""Maximum number of clusters to look up for one change."""


def gather(changes: Changes, clients: Clients, now: datetime) -> dict[str, Any]:
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
