"""The RDS actions that change or delete resources of CloudFormation, with the same effect on the database."""

from collections.abc import Callable

from ministack.services import rds

from sanso_sandbox.engine import query, quotas
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Refused, here
from sanso_sandbox.services.rds import (
    clusters,
    databases,
    engine_versions,
    instances,
    maintenance,
    offers,
    roles,
    snapshots,
)


def install() -> None:
    """Install the actions, which wrap MiniStack's."""
    around: dict[str, Callable[[Parameters, Action], Answer]] = {
        "CreateDBCluster": _create_cluster,
        "ModifyDBCluster": _modify_cluster,
        "DeleteDBCluster": _delete_cluster,
        "CreateDBInstance": _create_instance,
        "DeleteDBInstance": _delete_instance,
        "RebootDBInstance": _reboot_instance,
        "CreateDBClusterSnapshot": snapshots.create,
        "DeleteDBClusterSnapshot": snapshots.delete,
        "DescribeDBClusterSnapshots": snapshots.describe,
        "DescribeDBEngineVersions": engine_versions.describe,
        "DescribeDBMajorEngineVersions": engine_versions.describe_major,
        "DescribePendingMaintenanceActions": maintenance.describe,
        "ApplyPendingMaintenanceAction": maintenance.apply,
        "DescribeOrderableDBInstanceOptions": offers.describe_orderable,
    }
    for name, action in around.items():
        rds._ACTION_MAP[name] = _wrapping(rds._ACTION_MAP.get(name, _unknown), action)


def _wrapping(engine: Action, action: Callable[[Parameters, Action], Answer]) -> Action:
    def wrapped(parameters: Parameters) -> Answer:
        answer: Answer
        try:
            answer = action(parameters, engine)
        except Refused as refused:
            answer = rds._error(refused.code, query.xml(str(refused)), 400)
        return answer

    return wrapped


def _unknown(parameters: Parameters) -> Answer:
    """Answer in the place of MiniStack an action that it does not have."""
    raise Refused("InvalidAction", f"Unknown RDS action: {query.value(parameters, 'Action')}")


def _create_cluster(parameters: Parameters, engine: Action) -> Answer:
    """Create a cluster with MiniStack after the checks for a template's cluster."""
    name = query.value(parameters, "Engine")
    offers.require_version(name, query.value(parameters, "EngineVersion"))
    offers.require_backup_period(name, query.value(parameters, "BackupRetentionPeriod") or None)
    quotas.require("database_clusters", len(rds._clusters))
    return engine(parameters)


def _modify_cluster(parameters: Parameters, engine: Action) -> Answer:
    answer = engine(parameters)
    identifier = query.value(parameters, "DBClusterIdentifier")
    new_password = query.value(parameters, "MasterUserPassword")
    server = databases.get((here(), identifier))
    if answer[0] == 200 and new_password and server is not None:
        server.set_password(rds._clusters[identifier]["MasterUsername"], new_password)
    return answer


def _delete_cluster(parameters: Parameters, engine: Action) -> Answer:
    cluster = rds._clusters.get(query.value(parameters, "DBClusterIdentifier"))
    if cluster is None:
        return engine(parameters)
    clusters.require_deletable(cluster)
    snapshot = query.value(parameters, "FinalDBSnapshotIdentifier")
    if snapshot:
        rds._create_cluster_snapshot_internal(snapshot, cluster)
    content = rds._cluster_xml({**cluster, "Status": "deleting"})
    clusters.delete(cluster["DBClusterIdentifier"], {})
    return _answer("DeleteDBCluster", "DBCluster", content)


def _create_instance(parameters: Parameters, engine: Action) -> Answer:
    """Create a cluster's instance as a template does; MiniStack creates any other instance."""
    if query.value(parameters, "DBClusterIdentifier") not in rds._clusters:
        return engine(parameters)
    names = (
        *("DBInstanceIdentifier", "DBClusterIdentifier", "Engine", "EngineVersion", "DBInstanceClass"),
        *("AvailabilityZone", "PromotionTier", "PubliclyAccessible"),
    )
    properties = {name: found for name in names if (found := query.value(parameters, name))}
    if "DBInstanceIdentifier" not in properties:
        return engine(parameters)
    instance_id, _attributes = instances.create("", properties, "")
    content = rds._instance_xml(rds._instances[instance_id])
    instances.become(instance_id, "available")
    return _answer("CreateDBInstance", "DBInstance", content)


def _reboot_instance(parameters: Parameters, engine: Action) -> Answer:
    """Restart the server of a cluster's instance; its status and the event follow from that."""
    instance = rds._instances.get(query.value(parameters, "DBInstanceIdentifier"))
    cluster = rds._clusters.get(instance["DBClusterIdentifier"] or "") if instance else None
    database = roles.database_of(cluster) if cluster else None
    if instance is None or database is None or instance["DBInstanceStatus"] != "available":
        return engine(parameters)
    content = rds._instance_xml({**instance, "DBInstanceStatus": "rebooting"})
    instances.restart(instance["DBInstanceIdentifier"])
    return _answer("RebootDBInstance", "DBInstance", content)


def _delete_instance(parameters: Parameters, engine: Action) -> Answer:
    instance = rds._instances.get(query.value(parameters, "DBInstanceIdentifier"))
    if instance is None:
        return engine(parameters)
    instances.delete(instance["DBInstanceIdentifier"], {})
    return _answer(
        "DeleteDBInstance", "DBInstance", rds._instance_xml({**instance, "DBInstanceStatus": "deleting"})
    )


def _answer(action: str, member: str, content: str) -> Answer:
    inner = f"<{action}Result><{member}>{content}</{member}></{action}Result>"
    answer: Answer = rds._xml(200, f"{action}Response", inner)
    return answer
