"""Who writes and who reads in a cluster, and the failover that swaps them."""

import datetime

from ministack.services import rds

from portal.sandbox.resources import query
from portal.sandbox.resources.registry import Answer, Parameters, Record


def install() -> None:
    """Put the failover in place; MiniStack's needs containers."""
    rds._ACTION_MAP["FailoverDBCluster"] = _failover


def writer_of(cluster: Record) -> str | None:
    """Tell the identifier of the cluster's writer, None when it has no instance."""
    return next(
        (
            member["DBInstanceIdentifier"]
            for member in cluster["DBClusterMembers"]
            if member["IsClusterWriter"]
        ),
        None,
    )


def settle(cluster: Record) -> None:
    """Leave exactly one writer: the one there is, or the member that comes first by promotion tier."""
    members = cluster["DBClusterMembers"]
    written_by = cluster.get("_writer")
    if not any(member["DBInstanceIdentifier"] == written_by for member in members):
        ranked = sorted(members, key=lambda member: int(member["PromotionTier"]))
        written_by = ranked[0]["DBInstanceIdentifier"] if ranked else None
    _promote(cluster, written_by)


def _promote(cluster: Record, identifier: str | None) -> None:
    cluster["_writer"] = identifier
    for member in cluster["DBClusterMembers"]:
        member["IsClusterWriter"] = member["DBInstanceIdentifier"] == identifier


def _failover(parameters: Parameters) -> Answer:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html

    The endpoints keep their addresses: the server behind both stays the same one.
    """
    answer: Answer
    identifier = query.value(parameters, "DBClusterIdentifier")
    cluster = rds._clusters.get(identifier)
    if cluster is None:
        answer = rds._error("DBClusterNotFoundFault", f"DBCluster {identifier} not found.", 404)
        return answer
    readers = [member for member in cluster["DBClusterMembers"] if not member["IsClusterWriter"]]
    target = query.value(parameters, "TargetDBInstanceIdentifier")
    chosen = [member for member in readers if not target or member["DBInstanceIdentifier"] == target]
    if not chosen:
        message = (
            "Cannot failover to the current writer." if readers else "Cluster has no reader to fail over to."
        )
        answer = rds._error("InvalidDBClusterStateFault", message, 400)
        return answer
    first = min(chosen, key=lambda member: int(member["PromotionTier"]))
    _promote(cluster, first["DBInstanceIdentifier"])
    cluster["_failed_over_at"] = datetime.datetime.now(datetime.UTC)
    answer = rds._failover_db_cluster_response(cluster)
    return answer
