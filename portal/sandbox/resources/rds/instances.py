"""AWS::RDS::DBInstance in a cluster: the first writes, the others read, and all answer where they say."""

from ministack.services import rds
from ministack.services.cloudformation import provisioners

from portal.sandbox.database import clusters as databases
from portal.sandbox.resources.rds import roles
from portal.sandbox.resources.registry import (
    Created,
    Properties,
    Record,
    Refused,
    handler,
    here,
    provide,
    ready_with,
    replace,
)

TYPE = "AWS::RDS::DBInstance"

_engine = dict(handler(TYPE))


def install() -> None:
    """Put the resource type in place."""
    provide(TYPE, _create, delete, _update)
    ready_with(TYPE, lambda instance_id: _become(instance_id, "available"))


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    cluster = _cluster(properties)
    identifier = properties.get("DBInstanceIdentifier") or provisioners._physical_name(
        stack, logical_id, lowercase=True, max_len=63
    )
    if identifier.lower() in rds._instances:
        raise Refused("DBInstanceAlreadyExists", "DB instance already exists")
    given = {**properties, "DBInstanceIdentifier": identifier.lower()}
    if cluster is not None:
        given |= {"DBSubnetGroupName": cluster["DBSubnetGroup"], "Port": cluster["Port"]}
        given.setdefault("EngineVersion", cluster["EngineVersion"])
        given.setdefault("AvailabilityZone", _next_zone(cluster))
    instance_id, _attributes = _engine["create"](logical_id, given, stack)
    _become(instance_id, "creating")
    if cluster is not None:
        _join(
            rds._instances[instance_id],
            cluster,
            provisioners._cfn_bool(properties.get("PubliclyAccessible", False)),
        )
    return instance_id, provisioners._rds_db_instance_attrs(rds._instances[instance_id])


def _become(instance_id: str, status: str) -> None:
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


def _join(instance: Record, cluster: Record, public: bool) -> None:
    """Let a member inherit from its cluster, take its role and answer on its role's address."""
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
    roles.settle(cluster)
    server = databases.get((here(), cluster["DBClusterIdentifier"]))
    if server is not None:
        writer = roles.writer_of(cluster) == instance["DBInstanceIdentifier"]
        instance["Endpoint"].update(
            Address=server.endpoint.writer if writer else server.endpoint.reader, Port=server.endpoint.port
        )


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    instance = rds._instances.get(physical_id)
    renamed = new.get("DBInstanceIdentifier") and new["DBInstanceIdentifier"].lower() != physical_id
    if instance is None or renamed or provisioners._requires_replacement(TYPE, old, new):
        return replace(_create, delete, physical_id, old, new, stack, logical_id)
    kept = {name: instance[name] for name in ("AvailabilityZone", "VpcSecurityGroups", "StorageType")}
    pinned = {"DBInstanceIdentifier": physical_id}
    _engine["update"](physical_id, {**old, **pinned}, {**new, **pinned}, stack, logical_id)
    if instance["DBClusterIdentifier"]:
        instance.update(kept)
    return physical_id, provisioners._rds_db_instance_attrs(instance)


def delete(physical_id: str, properties: Properties) -> None:
    """Remove an instance and settle who writes. Raises Refused when it is protected."""
    instance = rds._instances.get(physical_id)
    if instance is None:
        return
    if instance["DeletionProtection"]:
        raise Refused(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    cluster = rds._clusters.get(instance["DBClusterIdentifier"] or "")
    _engine["delete"](physical_id, properties)
    if cluster is not None:
        roles.settle(cluster)
