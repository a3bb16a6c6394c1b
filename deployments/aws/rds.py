"""The gateway to RDS: Aurora clusters, their instances, deletion protection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling

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
    """An Aurora cluster. `pending` has the changes that wait for a restart or the maintenance window."""

    cluster_id: str
    status: str
    engine_version: str
    endpoint: str = ""
    reader_endpoint: str = ""
    port: int = 0
    members: tuple[Member, ...] = ()
    pending: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DBInstance:
    """A database instance. Zone and endpoint are empty until it has them."""

    instance_id: str
    cluster_id: str
    status: str
    zone: str = ""
    instance_class: str = ""
    endpoint: str = ""
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


class RDSGateway:
    """RDS through boto3; the protocol above says what each method does."""

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
        pending=_pending(row.get("PendingModifiedValues", {})),
    )


def _instance(row: Any) -> DBInstance:
    return DBInstance(
        instance_id=row["DBInstanceIdentifier"],
        cluster_id=row.get("DBClusterIdentifier", ""),
        status=row.get("DBInstanceStatus", ""),
        zone=row.get("AvailabilityZone", ""),
        instance_class=row.get("DBInstanceClass", ""),
        endpoint=row.get("Endpoint", {}).get("Address", ""),
        pending=_pending(row.get("PendingModifiedValues", {})),
    )


def _pending(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the pending changes as texts; the value of a password is masked."""
    return {
        key: "••••" if key == _SECRET else str(value)
        for key, value in values.items()
        if value not in (None, {}, [])
    }
