"""AWS::RDS::DBCluster: MiniStack's record, with a running database behind its two endpoints."""

import contextlib
import math
import time
from collections.abc import Callable

import pymysql
from ministack.services import rds
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import quotas, time_scale
from sanso_sandbox.engine.registry import (
    Attributes,
    Created,
    Properties,
    Record,
    Refused,
    changed,
    handler,
    here,
    provide,
    ready_with,
    replace,
    truth,
)
from sanso_sandbox.protocols.databases import DatabaseSettings, Endpoint
from sanso_sandbox.services.rds import databases, master_secrets, offers, parameter_groups, restores

TYPE = "AWS::RDS::DBCluster"
MYSQL_PORT = 3306
NAME_LAG = 5.0  # AWS's seconds for which clients cache the address of an endpoint

_engine = dict(handler(TYPE))


def install() -> None:
    """Install the resource type."""
    provide(TYPE, _create, _delete_by_stack, _update)
    ready_with(TYPE, lambda cluster_id: _become(cluster_id, "available"))
    handler(TYPE)["snapshot"] = _snapshot


def _create(logical_id: str, template: Properties, stack: str) -> Created:
    """Create a cluster, with a real database if the engine uses MySQL's protocol; others are only records.

    A restored database begins with the data of a snapshot, or of another cluster at a time, its users and
    their passwords; only the administrator gets another password, if RDS manages it.
    """
    restore = restores.restore_of(template)
    properties = restores.with_inherited(template, restore)
    identifier = properties.get("DBClusterIdentifier") or provisioners._physical_name(
        stack, logical_id, lowercase=True, max_len=63
    )
    if identifier.lower() in rds._clusters:
        raise Refused("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    _require_master(properties, is_restored=restore is not None)
    _require_offered(properties)
    quotas.require("database_clusters", len(rds._clusters))
    subnet_group = _subnet_group(properties)
    given = {**properties, "DBClusterIdentifier": identifier.lower()}
    cluster_id, _attributes = _engine["create"](logical_id, given, stack)
    cluster = rds._clusters[cluster_id]
    _complete(cluster, properties, subnet_group)
    new_password = properties.get("MasterUserPassword") or ""
    if truth(properties.get("ManageMasterUserPassword")):
        key = (properties.get("MasterUserSecret") or {}).get("KmsKeyId")
        new_password = master_secrets.create(cluster, cluster["MasterUsername"], key)
    cluster["_MasterUserPassword"] = new_password
    try:
        _start(cluster, properties, new_password, restore)
    except (OSError, pymysql.MySQLError, Refused) as failed:
        master_secrets.delete(cluster)
        rds._clusters.pop(cluster_id, None)
        if isinstance(failed, Refused):
            raise
        raise Refused("InternalFailure", f"The sandbox's database did not start: {failed}") from failed
    cluster["_RestorableFrom"] = math.ceil(time.time())  # a second without any of what began it
    _become(cluster_id, "creating")
    return cluster_id, attributes(cluster)


def _require_offered(properties: Properties) -> None:
    engine = str(properties.get("Engine") or "")
    offers.require_version(engine, str(properties.get("EngineVersion") or ""))
    offers.require_backup_period(engine, properties.get("BackupRetentionPeriod"))


def _become(cluster_id: str, status: str) -> None:
    cluster = rds._clusters.get(cluster_id)
    if cluster is not None:
        cluster["Status"] = status


def _require_master(properties: Properties, *, is_restored: bool) -> None:
    managed = truth(properties.get("ManageMasterUserPassword"))
    if managed and properties.get("MasterUserPassword"):
        raise Refused(
            "InvalidParameterCombination",
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
        )
    if not managed and not properties.get("MasterUserPassword") and not is_restored:
        raise Refused(
            "InvalidParameterValue",
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )


def _subnet_group(properties: Properties) -> Record:
    name = str(properties.get("DBSubnetGroupName") or "default").lower()
    group: Record | None = rds._subnet_groups.get(name) or rds._subnet_groups.get(
        properties.get("DBSubnetGroupName")
    )
    if group is None and name != "default":
        raise Refused("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
    return group or {"DBSubnetGroupName": "default", "Subnets": []}


def _complete(cluster: Record, properties: Properties, subnet_group: Record) -> None:
    """Add the fields that MiniStack's record lacks."""
    zones = sorted({subnet["SubnetAvailabilityZone"]["Name"] for subnet in subnet_group["Subnets"]})
    given = provisioners._elbv2_as_list(properties.get("AvailabilityZones"))
    family = ".".join(cluster["EngineVersion"].split(".")[:2])
    cluster.update(
        AvailabilityZones=given or zones or cluster["AvailabilityZones"],
        DBSubnetGroup=subnet_group["DBSubnetGroupName"],
        DBClusterParameterGroup=(
            properties.get("DBClusterParameterGroupName") or f"default.{cluster['Engine']}{family}"
        ),
        StorageEncrypted=truth(properties.get("StorageEncrypted")),
        KmsKeyId=properties.get("KmsKeyId") or "",
        MultiAZ=False,
        TagList=list(properties.get("Tags") or []),
        CopyTagsToSnapshot=truth(properties.get("CopyTagsToSnapshot")),
    )
    cluster["Port"] = int(
        properties.get("Port") or (MYSQL_PORT if _speaks_mysql(cluster) else cluster["Port"])
    )


def _speaks_mysql(cluster: Record) -> bool:
    return "mysql" in cluster["Engine"] or "mariadb" in cluster["Engine"]


def _start(
    cluster: Record, properties: Properties, new_password: str, restore: restores.Restore | None
) -> None:
    if not _speaks_mysql(cluster):
        return
    key = here(), cluster["DBClusterIdentifier"]
    with restore.data() if restore else contextlib.nullcontext() as source:
        settings = DatabaseSettings(
            port=cluster["Port"],
            user=cluster["MasterUsername"],
            password=new_password,
            database=properties.get("DatabaseName") or "",
            parameters=parameter_groups.effective(properties.get("DBClusterParameterGroupName")),
            endpoint_lag=_name_lag(here().account),
            source=source,
        )
        _lead(cluster, databases.start(key, settings))
    server = databases.get(key)
    if restore and new_password and server is not None:
        server.set_password(cluster["MasterUsername"], new_password)


def _lead(cluster: Record, endpoint: Endpoint) -> None:
    cluster.update(Endpoint=endpoint.writer, ReaderEndpoint=endpoint.reader, Port=endpoint.port)


def _name_lag(account: str) -> Callable[[], float]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html (TTL)"""
    return lambda: NAME_LAG * time_scale.COMPRESSION * time_scale.current(account)


def attributes(cluster: Record) -> Attributes:
    """Return GetAtt's attributes of aws-resource-rds-dbcluster."""
    found: Attributes = provisioners._rds_db_cluster_attrs(cluster)
    secret = cluster.get("MasterUserSecret")
    if secret:
        found["MasterUserSecret.SecretArn"] = secret["SecretArn"]
    return found


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    cluster = rds._clusters.get(physical_id)
    renamed = new.get("DBClusterIdentifier") and new["DBClusterIdentifier"].lower() != physical_id
    if cluster is None or renamed or provisioners._requires_replacement(TYPE, old, new):
        return replace(_create, delete, physical_id, old, new, stack, logical_id)
    if changed(old, new, "EngineVersion", "BackupRetentionPeriod"):
        _require_offered(new)
    kept = {name: cluster[name] for name in ("Endpoint", "ReaderEndpoint", "Port", "_MasterUserPassword")}
    pinned = {"DBClusterIdentifier": physical_id}
    _engine["update"](physical_id, {**old, **pinned}, {**new, **pinned}, stack, logical_id)
    cluster.update(kept)
    if new.get("DBClusterParameterGroupName"):
        cluster["DBClusterParameterGroup"] = new["DBClusterParameterGroupName"]
    provisioners._reconcile_tag_list(cluster.setdefault("TagList", []), old, new)
    _update_password(cluster, old, new)
    return physical_id, attributes(cluster)


def _update_password(cluster: Record, old: Properties, new: Properties) -> None:
    managed = truth(new.get("ManageMasterUserPassword"))
    new_password = None
    if managed and not cluster.get("MasterUserSecret"):
        new_password = master_secrets.create(
            cluster, cluster["MasterUsername"], (new.get("MasterUserSecret") or {}).get("KmsKeyId")
        )
    elif not managed and new.get("MasterUserPassword") != old.get("MasterUserPassword"):
        new_password = new.get("MasterUserPassword")
    if not managed:
        master_secrets.delete(cluster)
    server = databases.get((here(), cluster["DBClusterIdentifier"]))
    if new_password and server is not None:
        server.set_password(cluster["MasterUsername"], new_password)
        cluster["_MasterUserPassword"] = new_password


def _snapshot(physical_id: str, properties: Properties) -> None:
    """Take the final snapshot, which is part of the deletion, after checking that it will not be rejected."""
    cluster = rds._clusters.get(physical_id)
    if cluster is not None:
        _require_unprotected(cluster)
        require_deletable(cluster)
        _engine["snapshot"](physical_id, properties)


def _delete_by_stack(physical_id: str, properties: Properties) -> None:
    cluster = rds._clusters.get(physical_id)
    if cluster is not None:
        _require_unprotected(cluster)
        delete(physical_id, properties)


def _require_unprotected(cluster: Record) -> None:
    """Raise Refused like CloudFormation's own handler, which checks this before any snapshot.

    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds
    (aws-rds-dbcluster, DeleteHandler.java)
    """
    if cluster["DeletionProtection"]:
        raise Refused(
            "InvalidParameterCombination",
            f"Cannot delete protected Cluster {cluster['DBClusterIdentifier']}, please disable deletion "
            "protection and try again",
            by_service=False,
        )


def delete(physical_id: str, properties: Properties) -> None:
    """Delete a cluster with its database and secret. Raises Refused if it is protected or has instances."""
    cluster = rds._clusters.get(physical_id)
    if cluster is None:
        return
    require_deletable(cluster)
    databases.stop((here(), physical_id))
    master_secrets.delete(cluster)
    _engine["delete"](physical_id, properties)


def require_deletable(cluster: Record) -> None:
    """Raise Refused if a cluster is protected or still has instances."""
    if cluster["DeletionProtection"]:
        raise Refused(
            "InvalidParameterCombination",
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
        )
    if cluster["DBClusterMembers"]:
        raise Refused(
            "InvalidDBClusterStateFault",
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        )
