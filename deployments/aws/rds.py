"""The gateway to RDS: Aurora clusters, their instances, deletion protection, snapshots and backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws import rds_offers
from deployments.aws.error_mapping import calling
from deployments.aws.rds_backups import (
    CLUSTER_BACKUP,
    CLUSTER_SNAPSHOT,
    INSTANCE_BACKUP,
    INSTANCE_SNAPSHOT,
    Backup,
    ClusterSnapshot,
    cluster_snapshot_of,
    retained_of,
    snapshot_of,
    tags_of,
)

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import FilterTypeDef

AT_ONCE = 100
"""Rows in one response (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html)."""
_SECRET = "MasterUserPassword"  # noqa: S105  # a key of PendingModifiedValues, whose value is masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An instance's role in its cluster. `promotion_tier`: the lowest becomes writer first."""

    instance_id: str
    is_writer: bool
    promotion_tier: int = 1
    parameter_status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An Aurora cluster. `pending` has the changes that wait for a restart or the maintenance window.

    `backup_window` is in UTC, such as `17:00-17:30`, and `maintenance_window`, such as `sun:18:00-sun:18:30`.
    The restorable times are None until RDS reports them. `secret_arn` is the secret that RDS manages.
    """

    cluster_id: str
    status: str
    engine_version: str
    endpoint: str = ""
    reader_endpoint: str = ""
    port: int = 0
    members: tuple[Member, ...] = ()
    deletion_protection: bool = False
    pending: Mapping[str, str] = field(default_factory=dict)
    backup_retention_days: int = 0
    backup_window: str = ""
    maintenance_window: str = ""
    earliest_restorable_at: datetime | None = None
    latest_restorable_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    subnet_group: str = ""
    secret_arn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DBInstance:
    """A database instance. Zone and endpoint are empty until it has them."""

    instance_id: str
    cluster_id: str
    status: str
    zone: str = ""
    instance_class: str = ""
    endpoint: str = ""
    vpc_id: str = ""
    pending: Mapping[str, str] = field(default_factory=dict)


class RDS(Protocol):
    """The calls to RDS that the runner makes."""

    def clusters(self, ids: Sequence[str]) -> list[Cluster]:
        """Return those of the clusters that exist."""
        ...

    def instances(self, cluster_ids: Sequence[str]) -> list[DBInstance]:
        """Return the instances of these clusters."""
        ...

    def unprotect_cluster(self, cluster_id: str) -> None:
        """Turn off the deletion protection of a cluster."""
        ...

    def unprotect_instance(self, instance_id: str) -> None:
        """Turn off the deletion protection of an instance outside of Aurora."""
        ...

    def cluster_backups(self, cluster_id: str) -> list[Backup]:
        """Return the snapshots of a cluster, and its automated backups once it is gone."""
        ...

    def instance_backups(self, instance_id: str) -> list[Backup]:
        """Return the same for an instance outside of Aurora."""
        ...

    def delete_backup(self, type_: str, id_: str) -> None:
        """Delete one of them. Raise AwsNotFound if it is gone."""
        ...

    def cluster_snapshots(self, cluster_ids: Sequence[str]) -> list[ClusterSnapshot]:
        """Return the manual and automated snapshots of these clusters, which may be gone."""
        ...

    def cluster_snapshot(self, snapshot_id: str) -> ClusterSnapshot:
        """Return one snapshot by its name. Raise AwsNotFound if there is none."""
        ...

    def create_cluster_snapshot(self, cluster_id: str, snapshot_id: str, tags: Mapping[str, str]) -> None:
        """Begin a manual snapshot. Raise AwsAlreadyDone if one has this name."""
        ...

    def has_version(self, engine: str, version: str) -> bool:
        """Return whether new databases can have a version of an engine."""
        ...

    def zones_of_class(self, engine: str, version: str, instance_class: str) -> list[str]:
        """Return the zones with an instance class for a version, in order; none if it is not offered."""
        ...


class RDSGateway:
    """RDS through boto3; the protocol above documents the methods."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client

    def clusters(self, ids: Sequence[str]) -> list[Cluster]:
        found: list[Cluster] = []
        for chunk in _chunks(ids):
            pages = self._client.get_paginator("describe_db_clusters").paginate(
                Filters=[_of_clusters(chunk)], PaginationConfig={"PageSize": AT_ONCE}
            )
            with calling("rds:DescribeDBClusters"):
                found += [_cluster(row) for page in pages for row in page.get("DBClusters", [])]
        return found

    def instances(self, cluster_ids: Sequence[str]) -> list[DBInstance]:
        found: list[DBInstance] = []
        for chunk in _chunks(cluster_ids):
            pages = self._client.get_paginator("describe_db_instances").paginate(
                Filters=[_of_clusters(chunk)], PaginationConfig={"PageSize": AT_ONCE}
            )
            with calling("rds:DescribeDBInstances"):
                found += [_instance(row) for page in pages for row in page.get("DBInstances", [])]
        return found

    def unprotect_cluster(self, cluster_id: str) -> None:
        with calling("rds:ModifyDBCluster"):
            self._client.modify_db_cluster(
                DBClusterIdentifier=cluster_id, DeletionProtection=False, ApplyImmediately=True
            )

    def unprotect_instance(self, instance_id: str) -> None:
        with calling("rds:ModifyDBInstance"):
            self._client.modify_db_instance(
                DBInstanceIdentifier=instance_id, DeletionProtection=False, ApplyImmediately=True
            )

    def cluster_backups(self, cluster_id: str) -> list[Backup]:
        with calling("rds:DescribeDBClusterSnapshots"):
            pages = self._client.get_paginator("describe_db_cluster_snapshots").paginate(
                DBClusterIdentifier=cluster_id
            )
            snapshots = [row for page in pages for row in page.get("DBClusterSnapshots", [])]
        with calling("rds:DescribeDBClusterAutomatedBackups"):
            backups = [
                row
                for page in self._client.get_paginator("describe_db_cluster_automated_backups").paginate(
                    DBClusterIdentifier=cluster_id
                )
                for row in page.get("DBClusterAutomatedBackups", [])
            ]
        found = [snapshot_of(CLUSTER_SNAPSHOT, "DBClusterSnapshot", row) for row in snapshots]
        return found + [
            retained_of(CLUSTER_BACKUP, "DBCluster", "DbClusterResourceId", row) for row in backups
        ]

    def instance_backups(self, instance_id: str) -> list[Backup]:
        with calling("rds:DescribeDBSnapshots"):
            pages = self._client.get_paginator("describe_db_snapshots").paginate(
                DBInstanceIdentifier=instance_id
            )
            snapshots = [row for page in pages for row in page.get("DBSnapshots", [])]
        with calling("rds:DescribeDBInstanceAutomatedBackups"):
            backups = [
                row
                for page in self._client.get_paginator("describe_db_instance_automated_backups").paginate(
                    DBInstanceIdentifier=instance_id
                )
                for row in page.get("DBInstanceAutomatedBackups", [])
            ]
        found = [snapshot_of(INSTANCE_SNAPSHOT, "DBSnapshot", row) for row in snapshots]
        return found + [retained_of(INSTANCE_BACKUP, "DBInstance", "DbiResourceId", row) for row in backups]

    def delete_backup(self, type_: str, id_: str) -> None:
        if type_ == CLUSTER_SNAPSHOT:
            with calling("rds:DeleteDBClusterSnapshot"):
                self._client.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=id_)
        elif type_ == INSTANCE_SNAPSHOT:
            with calling("rds:DeleteDBSnapshot"):
                self._client.delete_db_snapshot(DBSnapshotIdentifier=id_)
        elif type_ == CLUSTER_BACKUP:
            with calling("rds:DeleteDBClusterAutomatedBackup"):
                self._client.delete_db_cluster_automated_backup(DbClusterResourceId=id_)
        else:
            with calling("rds:DeleteDBInstanceAutomatedBackup"):
                self._client.delete_db_instance_automated_backup(DbiResourceId=id_)

    def cluster_snapshots(self, cluster_ids: Sequence[str]) -> list[ClusterSnapshot]:
        found: list[ClusterSnapshot] = []
        for chunk in _chunks(cluster_ids):
            pages = self._client.get_paginator("describe_db_cluster_snapshots").paginate(
                Filters=[_of_clusters(chunk)], PaginationConfig={"PageSize": AT_ONCE}
            )
            with calling("rds:DescribeDBClusterSnapshots"):
                found += [
                    cluster_snapshot_of(row) for page in pages for row in page.get("DBClusterSnapshots", [])
                ]
        return found

    def cluster_snapshot(self, snapshot_id: str) -> ClusterSnapshot:
        with calling("rds:DescribeDBClusterSnapshots"):
            found = self._client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=snapshot_id)
        return cluster_snapshot_of(found["DBClusterSnapshots"][0])

    def create_cluster_snapshot(self, cluster_id: str, snapshot_id: str, tags: Mapping[str, str]) -> None:
        with calling("rds:CreateDBClusterSnapshot"):
            self._client.create_db_cluster_snapshot(
                DBClusterIdentifier=cluster_id,
                DBClusterSnapshotIdentifier=snapshot_id,
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )

    def has_version(self, engine: str, version: str) -> bool:
        return rds_offers.has_version(self._client, engine, version)

    def zones_of_class(self, engine: str, version: str, instance_class: str) -> list[str]:
        return rds_offers.zones_of_class(self._client, engine, version, instance_class)


def _chunks(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[first : first + AT_ONCE]) for first in range(0, len(ids), AT_ONCE)]


def _of_clusters(ids: list[str]) -> FilterTypeDef:
    """Return a filter by clusters: unlike DBClusterIdentifier, it may name clusters that do not exist."""
    return {"Name": "db-cluster-id", "Values": ids}


def _cluster(row: Any) -> Cluster:
    return Cluster(
        cluster_id=row["DBClusterIdentifier"],
        status=row.get("Status", ""),
        engine_version=row.get("EngineVersion", ""),
        endpoint=row.get("Endpoint", ""),
        reader_endpoint=row.get("ReaderEndpoint", ""),
        port=row.get("Port", 0),
        members=tuple(
            Member(
                instance_id=member["DBInstanceIdentifier"],
                is_writer=member.get("IsClusterWriter", False),
                promotion_tier=member.get("PromotionTier", 1),
                parameter_status=member.get("DBClusterParameterGroupStatus", ""),
            )
            for member in row.get("DBClusterMembers", [])
        ),
        deletion_protection=row.get("DeletionProtection", False),
        pending=_pending(row.get("PendingModifiedValues", {})),
        backup_retention_days=row.get("BackupRetentionPeriod", 0),
        backup_window=row.get("PreferredBackupWindow", ""),
        maintenance_window=row.get("PreferredMaintenanceWindow", ""),
        earliest_restorable_at=row.get("EarliestRestorableTime"),
        latest_restorable_at=row.get("LatestRestorableTime"),
        tags=tags_of(row),
        engine=row.get("Engine", ""),
        subnet_group=row.get("DBSubnetGroup", ""),
        secret_arn=row.get("MasterUserSecret", {}).get("SecretArn", ""),
    )


def _instance(row: Any) -> DBInstance:
    return DBInstance(
        instance_id=row["DBInstanceIdentifier"],
        cluster_id=row.get("DBClusterIdentifier", ""),
        status=row.get("DBInstanceStatus", ""),
        zone=row.get("AvailabilityZone", ""),
        instance_class=row.get("DBInstanceClass", ""),
        endpoint=row.get("Endpoint", {}).get("Address", ""),
        vpc_id=row.get("DBSubnetGroup", {}).get("VpcId", ""),
        pending=_pending(row.get("PendingModifiedValues", {})),
    )


def _pending(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the pending changes as texts; the value of a password is masked."""
    return {
        key: "••••" if key == _SECRET else str(value)
        for key, value in values.items()
        if value not in (None, {}, [])
    }
