"""Aurora clusters and their instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from deployments.aws.rds import Cluster, DBInstance
from deployments.health.models.database import DatabaseCluster, DatabaseMember
from deployments.health.models.metrics import DatabaseFailover
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync


class Database:
    """The source `database`: one call per hundred clusters, and one for their instances."""

    source = "database"

    def __init__(self) -> None:
        self._clusters: dict[str, Cluster] | None = None
        self._instances: dict[str, list[DBInstance]] | None = None

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Poll the clusters and instances of all environments."""
        mine = [one for one in observed if one.parts.clusters]
        ids = [cluster_id for one in mine for cluster_id in one.parts.clusters]
        if not ids:
            return
        clusters = polls.call(mine, partial(polls.clients.rds.clusters, ids))
        self._clusters = None if clusters is None else {row.cluster_id: row for row in clusters}
        instances = polls.call(mine, partial(polls.clients.rds.instances, ids))
        if instances is not None:
            self._instances = defaultdict(list)
            for row in instances:
                self._instances[row.cluster_id].append(row)

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Write the environment's clusters and their members."""
        known = self._clusters if one.parts.clusters else {}
        if known is None:
            return
        found = [row for cluster_id in one.parts.clusters if (row := known.get(cluster_id))]
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {
            (row.cluster_id,): {
                "status": row.status,
                "engine_version": row.engine_version,
                "endpoint": row.endpoint,
                "reader_endpoint": row.reader_endpoint,
                "port": row.port,
                "deletion_protection": row.deletion_protection,
                "pending": dict(row.pending),
                "backup_retention_days": row.backup_retention_days,
                "backup_window": row.backup_window,
                "earliest_restorable_at": row.earliest_restorable_at,
                "latest_restorable_at": row.latest_restorable_at,
            }
            for row in found
        }
        rows = DatabaseCluster.objects.filter(environment=one.environment)
        new = {"environment": one.environment, "observed_at": polls.now}
        changed, gone = sync(rows, ("cluster_id",), wanted, polls.now, new=new)
        DatabaseCluster.objects.filter(pk__in=[row.pk for row in gone]).delete()
        one.changed |= changed or bool(gone)
        kept = {row.cluster_id: row for row in rows.all()}
        for row in found:
            self._write_members(polls, one, kept[row.cluster_id], row)

    def _write_members(
        self, polls: PollRound, one: ObservedEnvironment, cluster: DatabaseCluster, row: Cluster
    ) -> None:
        """Write the members. Values of DescribeDBInstances do not change while that is denied."""
        instances = {i.instance_id: i for i in (self._instances or {}).get(row.cluster_id, ())}
        lags = _lags(polls, one, row)
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
        for member in row.members:
            values: dict[str, Any] = {"is_writer": member.is_writer, "promotion_tier": member.promotion_tier}
            if lags is not None:
                values["lag_ms"] = lags.get(member.instance_id)
            instance = instances.get(member.instance_id)
            if instance:
                values |= {
                    "status": instance.status,
                    "zone": instance.zone,
                    "instance_class": instance.instance_class,
                    "endpoint": instance.endpoint,
                    "pending": dict(instance.pending),
                }
            wanted[member.instance_id,] = values
        rows = DatabaseMember.objects.filter(cluster=cluster)
        roles = dict(rows.values_list("instance_id", "is_writer"))
        _keep_failover(polls, one, row, roles)
        changed, gone = sync(
            rows, ("instance_id",), wanted, polls.now, new={"cluster": cluster, "since": polls.now}
        )
        swapped = [key[0] for key, v in wanted.items() if roles.get(key[0], v["is_writer"]) != v["is_writer"]]
        rows.filter(instance_id__in=swapped).update(since=polls.now)
        DatabaseMember.objects.filter(pk__in=[member.pk for member in gone]).delete()
        one.changed |= changed or bool(gone)


def _keep_failover(
    polls: PollRound, one: ObservedEnvironment, row: Cluster, roles: Mapping[str, bool]
) -> None:
    """Keep that the writer is another instance than at the last poll, whose roles are given."""
    before = next((instance_id for instance_id, is_writer in roles.items() if is_writer), "")
    writer = next((member.instance_id for member in row.members if member.is_writer), "")
    if before and writer and before != writer:
        DatabaseFailover.objects.create(
            environment=one.environment,
            cluster_id=row.cluster_id,
            at=polls.now,
            writer_id=writer,
            previous_writer_id=before,
        )


def _lags(polls: PollRound, one: ObservedEnvironment, row: Cluster) -> Mapping[str, float] | None:
    """Return the replica lag of the readers; None if the stored values are current.

    CloudWatch charges for each metric and has one value per minute: it is polled once a minute, and only
    while the page is open; otherwise the lag is unknown.
    """
    readers = [member.instance_id for member in row.members if not member.is_writer]
    if not readers or not one.fast:
        return {}
    before = one.observation.observed_at
    if before and before.replace(second=0, microsecond=0) == polls.now.replace(second=0, microsecond=0):
        return None
    return polls.call([one], partial(polls.clients.cloudwatch.replica_lags, readers))
