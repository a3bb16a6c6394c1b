"""Snapshots and automated backups of databases, as the gateway to RDS returns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

CLUSTER_SNAPSHOT, INSTANCE_SNAPSHOT = "AWS::RDS::DBClusterSnapshot", "AWS::RDS::DBSnapshot"
CLUSTER_BACKUP, INSTANCE_BACKUP = "AWS::RDS::DBClusterAutomatedBackup", "AWS::RDS::DBInstanceAutomatedBackup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A snapshot, or the automated backups of a database that is gone.

    `type` is its CloudFormation type, or a similar name for a type that CloudFormation cannot create. `id`
    identifies it in the deletion: a snapshot's name, or the resource id of the database. `kind` is the API's
    value: `manual`, `automated`.
    """

    type: str
    id: str
    arn: str
    kind: str = ""
    status: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSnapshot:
    """A snapshot of a cluster.

    `kind` is the API's SnapshotType: `manual`, `automated`. `size` is AllocatedStorage in GiB, 0 if it is
    unknown: for Aurora an approximation, from which AWS does not bill. `created_at` is None until it begins.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBClusterSnapshot.html
    """

    snapshot_id: str
    cluster_id: str
    kind: str
    status: str
    progress: int = 0
    size: int = 0
    created_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def snapshot_of(type_: str, name: str, row: Any) -> Backup:
    """Return a snapshot from a response; `name` is the beginning of the names of its members."""
    return Backup(
        type=type_,
        id=row[f"{name}Identifier"],
        arn=row.get(f"{name}Arn", ""),
        kind=row.get("SnapshotType", ""),
        status=row.get("Status", ""),
        created_at=row.get("SnapshotCreateTime"),
    )


def retained_of(type_: str, database: str, resource_id: str, row: Any) -> Backup:
    """Return automated backups from a response."""
    return Backup(
        type=type_,
        id=row.get(resource_id, ""),
        arn=row.get(f"{database}AutomatedBackupsArn", ""),
        kind="automated",
        status=row.get("Status", ""),
    )


def cluster_snapshot_of(row: Any) -> ClusterSnapshot:
    """Return a cluster's snapshot from a response."""
    return ClusterSnapshot(
        snapshot_id=row["DBClusterSnapshotIdentifier"],
        cluster_id=row.get("DBClusterIdentifier", ""),
        kind=row.get("SnapshotType", ""),
        status=row.get("Status", ""),
        progress=row.get("PercentProgress", 0),
        size=row.get("AllocatedStorage", 0),
        created_at=row.get("SnapshotCreateTime"),
        tags=tags_of(row),
    )


def tags_of(row: Any) -> dict[str, str]:
    """Return the tags of a cluster or a snapshot in a response."""
    return {tag["Key"]: tag.get("Value", "") for tag in row.get("TagList", [])}
