"""AWS::RDS::DBInstance in a cluster: a writer and readers, each with a separate endpoint."""

import pymysql
from ministack.services import rds
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import quotas
from sanso_sandbox.engine.registry import (
    Created,
    Properties,
    Record,
    Refused,
    changed,
    handler,
    provide,
    ready_with,
    replace,
)
from sanso_sandbox.protocols.databases import CannotFailOver
from sanso_sandbox.services.rds import connections, offers, roles

TYPE = "AWS::RDS::DBInstance"

_engine = dict(handler(TYPE))


def install() -> None:
    """Install the resource type."""
    provide(TYPE, create, delete, _update)
    ready_with(TYPE, lambda instance_id: become(instance_id, "available"))


def create(logical_id: str, properties: Properties, stack: str) -> Created:
    """Create an instance, in its cluster if it has one. Raises Refused like CreateDBInstance."""
    cluster = _cluster(properties)
    identifier = properties.get("DBInstanceIdentifier") or provisioners._physical_name(
        stack, logical_id, lowercase=True, max_len=63
    )
    if identifier.lower() in rds._instances:
        raise Refused("DBInstanceAlreadyExists", "DB instance already exists")
    _require_offered(properties, cluster)
    quotas.require("database_instances", len(rds._instances))
    given = {**properties, "DBInstanceIdentifier": identifier.lower()}
    if cluster is not None:
        given |= {"DBSubnetGroupName": cluster["DBSubnetGroup"], "Port": cluster["Port"]}
        given.setdefault("EngineVersion", cluster["EngineVersion"])
        given.setdefault("AvailabilityZone", _next_zone(cluster))
    instance_id, _attributes = _engine["create"](logical_id, given, stack)
    become(instance_id, "creating")
    if cluster is not None:
        public = provisioners._cfn_bool(properties.get("PubliclyAccessible", False))
        join(rds._instances[instance_id], cluster, public)
    return instance_id, provisioners._rds_db_instance_attrs(rds._instances[instance_id])


def _require_offered(properties: Properties, cluster: Record | None) -> None:
    of_cluster = cluster or {}
    engine = str(properties.get("Engine") or of_cluster.get("Engine") or "")
    version = str(properties.get("EngineVersion") or of_cluster.get("EngineVersion") or "")
    offers.require_version(engine, version if cluster is None else "")
    if properties.get("DBInstanceClass"):
        offers.require_class(engine, version, str(properties["DBInstanceClass"]))


def become(instance_id: str, status: str) -> None:
    """Change an instance's status, if the instance still exists."""
    instance = rds._instances.get(instance_id)
    if instance is not None:
        instance["DBInstanceStatus"] = status


def _cluster(properties: Properties) -> Record | None:
    identifier = properties.get("DBClusterIdentifier")
    if not identifier:
        return None
    cluster: Record | None = rds._clusters.get(identifier.lower())
    if cluster is None:
        raise Refused("DBClusterNotFoundFault", f"DBCluster {identifier} not found")
    return cluster


def _next_zone(cluster: Record) -> str:
    taken = [
        rds._instances[member["DBInstanceIdentifier"]]["AvailabilityZone"]
        for member in cluster["DBClusterMembers"]
    ]
    return str(min(cluster["AvailabilityZones"], key=taken.count))


def join(instance: Record, cluster: Record, public: bool) -> None:
    """Set a member's inherited settings, start its server, and set its role.

    Raises Refused if the server does not start; the instance is deleted then.
    """
    instance.update(
        DBName=cluster.get("DatabaseName") or "",
        VpcSecurityGroups=cluster["VpcSecurityGroups"],
        StorageEncrypted=cluster["StorageEncrypted"],
        KmsKeyId=cluster["KmsKeyId"],
        StorageType="aurora",
        PubliclyAccessible=public,
        BackupRetentionPeriod=cluster["BackupRetentionPeriod"],
        DbInstancePort=0,
    )
    database = roles.database_of(cluster)
    if database is not None:
        identifier = instance["DBInstanceIdentifier"]
        try:
            host, port = database.add(identifier, _tier(cluster, identifier))
        except (OSError, pymysql.MySQLError) as failed:
            _engine["delete"](identifier, {})
            raise Refused("InternalFailure", f"The sandbox's database did not start: {failed}") from failed
        instance["Endpoint"].update(Address=host, Port=port)
    connections.open_interface(instance, cluster)
    roles.settle(cluster)


def _tier(cluster: Record, identifier: str) -> int:
    return next(
        (
            int(member["PromotionTier"])
            for member in cluster["DBClusterMembers"]
            if member["DBInstanceIdentifier"] == identifier
        ),
        1,
    )


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    instance = rds._instances.get(physical_id)
    renamed = new.get("DBInstanceIdentifier") and new["DBInstanceIdentifier"].lower() != physical_id
    if instance is None or renamed or provisioners._requires_replacement(TYPE, old, new):
        return replace(create, delete, physical_id, old, new, stack, logical_id)
    if changed(old, new, "DBInstanceClass"):
        _require_offered(new, rds._clusters.get(instance["DBClusterIdentifier"] or ""))
    kept = {name: instance[name] for name in ("AvailabilityZone", "VpcSecurityGroups", "StorageType")}
    pinned = {"DBInstanceIdentifier": physical_id}
    _engine["update"](physical_id, {**old, **pinned}, {**new, **pinned}, stack, logical_id)
    if instance["DBClusterIdentifier"]:
        instance.update(kept)
        cluster = rds._clusters.get(instance["DBClusterIdentifier"])
        if cluster is not None:
            roles.settle(cluster)
    return physical_id, provisioners._rds_db_instance_attrs(instance)


def restart(instance_id: str) -> None:
    """Restart the server of a cluster's instance, if it has one. Raises Refused if it does not start."""
    cluster = rds._clusters.get(rds._instances[instance_id]["DBClusterIdentifier"] or "")
    database = roles.database_of(cluster) if cluster else None
    if database is None:
        return
    try:
        database.reboot(instance_id)
    except OSError as failed:
        raise Refused("InternalFailure", f"The sandbox's database did not start: {failed}") from failed


def delete(physical_id: str, properties: Properties) -> None:
    """Delete an instance and update the cluster's writer. Raises Refused if it is protected."""
    instance = rds._instances.get(physical_id)
    if instance is None:
        return
    if instance["DeletionProtection"]:
        raise Refused(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    cluster = rds._clusters.get(instance["DBClusterIdentifier"] or "")
    database = roles.database_of(cluster) if cluster is not None else None
    if database is not None:
        try:
            database.remove(physical_id)
        except CannotFailOver as refused:
            raise Refused("InvalidDBInstanceState", str(refused)) from refused
    _engine["delete"](physical_id, properties)
    connections.close_interface(physical_id)
    if cluster is not None:
        roles.settle(cluster)
