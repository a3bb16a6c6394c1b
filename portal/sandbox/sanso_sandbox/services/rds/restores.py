"""AWS::RDS::DBCluster with SnapshotIdentifier: what comes from the snapshot, and what must not be given.

Sources: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html, and
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (aws-rds-dbcluster). Where
they do not say what happens with a property that is to be left out, it is rejected.
"""

from typing import Final

from sanso_sandbox.engine.registry import Properties, Record, Refused, here
from sanso_sandbox.protocols.databases import DataCopy
from sanso_sandbox.services.rds import databases, snapshots

INHERITED: Final = ("MasterUsername", "StorageEncrypted", "KmsKeyId")


def snapshot_of(properties: Properties) -> Record | None:
    """Return the snapshot that a cluster is restored from, None without one. An empty name counts as none.

    Raises Refused if it does not exist, is not available, or does not fit the properties.
    """
    name = str(properties.get("SnapshotIdentifier") or "")
    if not name:
        return None
    snapshot = snapshots.find(name)
    if snapshot["Status"] != "available":
        raise Refused(
            "InvalidDBClusterSnapshotStateFault",
            f"The cluster snapshot {snapshot['DBClusterSnapshotIdentifier']} is not in the available state.",
        )
    _require_fitting(properties, snapshot)
    return snapshot


def _require_fitting(properties: Properties, snapshot: Record) -> None:
    if properties.get("MasterUsername"):
        raise _combination("MasterUsername can't be specified when restoring from a snapshot.")
    if snapshot["StorageEncrypted"] and "StorageEncrypted" in properties:
        raise _combination("StorageEncrypted can't be specified when restoring from an encrypted snapshot.")
    if properties.get("Engine") != snapshot["Engine"]:
        raise Refused(
            "InvalidParameterCombination",
            f"The engine {properties.get('Engine')} is not compatible with that of the snapshot, "
            f"{snapshot['Engine']}.",
        )
    version = str(properties.get("EngineVersion") or snapshot["EngineVersion"])
    if _numbers(version) < _numbers(snapshot["EngineVersion"]):
        raise Refused(
            "InvalidParameterCombination",
            f"Cannot restore a snapshot of version {snapshot['EngineVersion']} to the lower version "
            f"{version}.",
        )


def _combination(text: str) -> Refused:
    return Refused("InvalidParameterCombination", text, by_service=False)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def with_inherited(properties: Properties, snapshot: Record | None) -> Properties:
    """Return a cluster's properties with those that AWS takes from the snapshot."""
    if snapshot is None:
        return properties
    inherited = {name: snapshot[name] for name in INHERITED if snapshot.get(name)}
    return {"EngineVersion": snapshot["EngineVersion"], **properties, **inherited}


def data_of(snapshot: Record) -> DataCopy:
    """Return the data of a snapshot. Raises Refused if this sandbox has none of it."""
    name = snapshot["DBClusterSnapshotIdentifier"]
    found = databases.kept((here(), name))
    if found is None:
        raise Refused(
            "InternalFailure",
            f"The sandbox has no data of the snapshot {name}: it copies data for manual and final snapshots "
            "of MariaDB databases, not for automated ones and not of the embedded database.",
        )
    return found
