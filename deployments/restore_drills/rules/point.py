"""What a drill restores: the last restorable second, or an available snapshot if that is newer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from deployments.aws.rds import Cluster
from deployments.aws.rds_backups import ClusterSnapshot

AVAILABLE: Final = "available"


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """A time whose data is restored; `snapshot_id` is "" for a point in time."""

    at: datetime
    snapshot_id: str = ""


def newest_point(cluster: Cluster, snapshots: Sequence[ClusterSnapshot]) -> RestorePoint | None:
    """Return the newest point that a cluster can be restored to, None if there is none. Never a clone.

    RDS takes whole seconds, from the earliest to before the latest restorable time.
    """
    second = _last_second(cluster)
    rows = [
        RestorePoint(one.created_at, one.snapshot_id)
        for one in snapshots
        if one.status == AVAILABLE and one.created_at is not None
    ]
    return max([*rows, *([RestorePoint(second)] if second else [])], key=lambda one: one.at, default=None)


def _last_second(cluster: Cluster) -> datetime | None:
    """Return the last whole second before the latest restorable time."""
    earliest, latest = cluster.earliest_restorable_at, cluster.latest_restorable_at
    if earliest is None or latest is None:
        return None
    last = (latest - timedelta(microseconds=1)).replace(microsecond=0)
    return last if last >= earliest else None


def as_parameters(cluster: Cluster, point: RestorePoint) -> dict[str, str]:
    """Return the parameters of the template that choose the data."""
    if point.snapshot_id:
        return {"Snapshot": point.snapshot_id, "EngineVersion": cluster.engine_version}
    return {
        "SourceCluster": cluster.cluster_id,
        "RestoreTime": f"{point.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
