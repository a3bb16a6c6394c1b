"""The writer and the readers of a cluster: the database's reports in RDS's terms."""

import threading

from ministack.services import rds

from sanso_sandbox.engine import heartbeat, query
from sanso_sandbox.engine.registry import Answer, Parameters, Record, here
from sanso_sandbox.engine.time_scale import Wait
from sanso_sandbox.protocols.databases import CannotFailOver, Database, Member
from sanso_sandbox.services.rds import databases, events, metrics

FAILOVER = 30.0  # AWS's seconds for a failover, of at most a minute, with this status meanwhile

_lock = threading.Lock()


def install() -> None:
    """Install the failover, since MiniStack's requires containers, and reconcile with databases regularly."""
    rds._ACTION_MAP["FailoverDBCluster"] = _failover
    heartbeat.listen(rds._clusters, _reconcile)


def database_of(cluster: Record) -> Database | None:
    """Return the running database of a cluster; None if its engine does not use MySQL's protocol."""
    return databases.get((here(), cluster["DBClusterIdentifier"]))


def settle(cluster: Record) -> None:
    """Set the only writer: the database's, or without a database the first member by promotion tier."""
    members = cluster["DBClusterMembers"]
    tiers = {member["DBInstanceIdentifier"]: int(member["PromotionTier"]) for member in members}
    database = database_of(cluster)
    if database is not None:
        database.rank(tiers)
        _promote(cluster, next((one.instance for one in database.members() if one.writes), None))
        return
    written_by = cluster.get("_writer")
    _promote(
        cluster, written_by if written_by in tiers else min(tiers, key=lambda one: tiers[one], default=None)
    )


def _promote(cluster: Record, identifier: str | None) -> None:
    cluster["_writer"] = identifier
    for member in cluster["DBClusterMembers"]:
        member["IsClusterWriter"] = member["DBInstanceIdentifier"] == identifier


def _failover(parameters: Parameters) -> Answer:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html

    The endpoints keep their addresses, and connect to the new writer and the new reader afterwards.
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
    first = min(chosen, key=lambda member: int(member["PromotionTier"]))["DBInstanceIdentifier"]
    database = database_of(cluster)
    if database is None:
        _failed_over(cluster, first)
    else:
        try:
            database.fail_over(first)
        except CannotFailOver as refused:
            answer = rds._error("InvalidDBClusterStateFault", query.xml(str(refused)), 400)
            return answer
        _report(cluster, database.members())
    answer = rds._failover_db_cluster_response(cluster)
    return answer


def _reconcile() -> None:
    """Update the records of every cluster in this scope from its database."""
    for cluster in list(rds._clusters.values()):
        database = database_of(cluster)
        if database is not None:
            members = database.members()
            _report(cluster, members)
            metrics.publish(cluster, members)


def _report(cluster: Record, members: list[Member]) -> None:
    with _lock:
        written_by = next((one.instance for one in members if one.writes), None)
        known = {member["DBInstanceIdentifier"] for member in cluster["DBClusterMembers"]}
        if written_by in known and written_by != cluster.get("_writer"):
            _failed_over(cluster, written_by)
        for member in members:
            instance = rds._instances.get(member.instance)
            if instance is not None:
                _update_instance_status(instance, member.answers)
        writes = any(one.writes and one.answers for one in members) or not members
        _update_cluster_status(cluster, writes)


def _update_cluster_status(cluster: Record, writes: bool) -> None:
    over = "_failing_over" not in cluster or cluster["_failing_over"].is_over()
    if cluster["Status"] == "available" and not writes:
        cluster["Status"] = "failing-over"
    elif cluster["Status"] == "failing-over" and over and writes:
        cluster["Status"] = "available"


def _update_instance_status(instance: Record, answers: bool) -> None:
    if not answers and instance["DBInstanceStatus"] == "available":
        instance.update(DBInstanceStatus="rebooting", _restarting=True)
    elif answers and instance.pop("_restarting", False):
        instance["DBInstanceStatus"] = "available"
        events.add(instance, "DB instance restarted", "availability")


def _failed_over(cluster: Record, identifier: str | None) -> None:
    """Record that another member is the writer now."""
    before = cluster.get("_writer")
    _promote(cluster, identifier)
    if before is None or before not in {one["DBInstanceIdentifier"] for one in cluster["DBClusterMembers"]}:
        return
    cluster["_failing_over"] = Wait(FAILOVER)
    if cluster["Status"] == "available":
        cluster["Status"] = "failing-over"
    events.add(cluster, f"Started failover to DB instance: {identifier}", "failover")
    events.add(cluster, f"Completed failover to DB instance: {identifier}", "failover")
