"""Snapshots of Aurora clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.health.models.database import DatabaseSnapshot
from deployments.health.rules.backups import cause_of
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync


class Backups:
    """The source `backups`: one call per hundred clusters. Retention and times are of `database`."""

    source = "backups"

    def __init__(self) -> None:
        self._snapshots: dict[str, list[ClusterSnapshot]] | None = None

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Poll the snapshots of the clusters of all environments."""
        mine = [one for one in observed if one.parts.clusters]
        ids = [cluster_id for one in mine for cluster_id in one.parts.clusters]
        if not ids:
            return
        found = polls.call(mine, partial(polls.clients.rds.cluster_snapshots, ids))
        if found is not None:
            self._snapshots = defaultdict(list)
            for row in found:
                self._snapshots[row.cluster_id].append(row)

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Write the snapshots of the environment's clusters."""
        known = self._snapshots if one.parts.clusters else {}
        if known is None:
            return
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {
            (row.snapshot_id,): {
                "cluster_id": row.cluster_id,
                "cause": cause_of(row.kind, row.snapshot_id, row.tags).value,
                "status": row.status,
                "progress": row.progress,
                "size": row.size,
                "created_at": row.created_at,
            }
            for cluster_id in one.parts.clusters
            for row in known.get(cluster_id, ())
        }
        rows = DatabaseSnapshot.objects.filter(environment=one.environment)
        new = {"environment": one.environment, "observed_at": polls.now}
        _changed, gone = sync(rows, ("snapshot_id",), wanted, polls.now, new=new)
        DatabaseSnapshot.objects.filter(pk__in=[row.pk for row in gone]).delete()
