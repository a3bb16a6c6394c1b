"""The gateway to RDS: deletion protection of clusters and instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from deployments.aws.verdicts import calling

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


class RDS(Protocol):
    """What the runner asks of RDS."""

    def unprotect_cluster(self, cluster_id: str) -> None:
        """Turn off the deletion protection of a cluster."""
        ...

    def unprotect_instance(self, instance_id: str) -> None:
        """Turn off the deletion protection of an instance outside of Aurora."""
        ...


class RDSGateway:
    """RDS through boto3."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client

    def unprotect_cluster(self, cluster_id: str) -> None:
        """Turn off the deletion protection of a cluster."""
        with calling("rds:ModifyDBCluster"):
            self._client.modify_db_cluster(
                DBClusterIdentifier=cluster_id, DeletionProtection=False, ApplyImmediately=True
            )

    def unprotect_instance(self, instance_id: str) -> None:
        """Turn off the deletion protection of an instance outside of Aurora."""
        with calling("rds:ModifyDBInstance"):
            self._client.modify_db_instance(
                DBInstanceIdentifier=instance_id, DeletionProtection=False, ApplyImmediately=True
            )
