"""AWS::RDS::DBCluster with data: of a snapshot, or of another cluster at a time; and what must not be given.

Sources: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html,
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html, and
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (aws-rds-dbcluster). Where
they do not say what happens with a property that is to be left out, it is rejected.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine.registry import Properties, Record, Refused, here, truth
from sanso_sandbox.protocols.databases import CannotCopy, DataCopy
from sanso_sandbox.services.rds import databases, snapshots
from sanso_sandbox.services.rds.restorable_times import restorable_times

INHERITED: Final = ("MasterUsername", "StorageEncrypted", "KmsKeyId")
SOURCES: Final = ("SourceDBClusterIdentifier", "SourceDbClusterResourceId")
CLONE: Final = "copy-on-write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """What a cluster is restored from: the record of a snapshot, or of another cluster.

    `before` is the second since the epoch to which another cluster is restored, None for a clone of it.
    """

    record: Record
    is_snapshot: bool
    before: int | None = None

    @property
    def what(self) -> str:
        return "snapshot" if self.is_snapshot else "DB cluster"

    @contextlib.contextmanager
    def data(self) -> Iterator[DataCopy]:
        """Give the data for as long as a database starts with it. Raises Refused without any, or OSError."""
        if self.is_snapshot:
            yield _data_of_snapshot(self.record["DBClusterSnapshotIdentifier"])
            return
        name = self.record["DBClusterIdentifier"]
        database = databases.get((here(), name))
        try:
            found = database.copy(self.before) if database else None
        except CannotCopy:
            found = None
        if found is None:
            raise Refused(
                "InternalFailure",
                f"The sandbox cannot restore {name} to a point in time: MariaDB databases have a log, the "
                "embedded database has none.",
            )
        try:
            yield found
        finally:
            found.remove()


def restore_of(properties: Properties) -> Restore | None:
    """Return what a cluster is restored from, None without anything. Empty texts count as absent.

    A source cluster has precedence over a snapshot, as in CloudFormation's handler. Raises Refused if the
    source does not exist, is not available, does not fit the properties, or has no such time.
    """
    snapshot = str(properties.get("SnapshotIdentifier") or "")
    if any(properties.get(name) for name in SOURCES):
        source = _source(properties)
        found = Restore(record=source, is_snapshot=False, before=_time(properties, source))
    elif snapshot:
        found = Restore(record=_available(snapshots.find(snapshot)), is_snapshot=True)
    else:
        return None
    _require_fitting(properties, found)
    return found


def _available(snapshot: Record) -> Record:
    if snapshot["Status"] != "available":
        raise Refused(
            "InvalidDBClusterSnapshotStateFault",
            f"The cluster snapshot {snapshot['DBClusterSnapshotIdentifier']} is not in the available state.",
        )
    return snapshot


def _source(properties: Properties) -> Record:
    """Return the cluster whose data is restored; one that is gone has no automated backups here."""
    name, resource_id = (str(properties.get(one) or "") for one in SOURCES)
    if name:
        found: Record | None = rds._clusters.get(name.rpartition(":")[2].lower())
        if found is None:
            raise Refused("DBClusterNotFoundFault", f"DBCluster {name} not found.")
    else:
        rows = list(rds._clusters.values())
        found = next((one for one in rows if one["DbClusterResourceId"] == resource_id), None)
        if found is None:
            raise Refused(
                "DBClusterAutomatedBackupNotFoundFault", f"No automated backup for {resource_id} was found."
            )
    if found["Status"] != "available":
        raise Refused(
            "InvalidDBClusterStateFault",
            f"The source cluster {found['DBClusterIdentifier']} is not currently in the available state.",
        )
    return found


def _time(properties: Properties, source: Record) -> int | None:
    """Return the second to restore to; None for a clone, which has the data of now."""
    wanted, latest = properties.get("RestoreToTime"), truth(properties.get("UseLatestRestorableTime"))
    if wanted and latest:
        raise _combination("RestoreToTime can't be specified with UseLatestRestorableTime.")
    if properties.get("RestoreType") == CLONE:
        if wanted:
            raise _combination(f"RestoreToTime can't be specified if RestoreType is {CLONE}.")
        return None
    times = {name: _seconds(text) for name, text in restorable_times(source).items()}
    earliest, latest_time = times["EarliestRestorableTime"], times["LatestRestorableTime"]
    if latest:
        return int(latest_time)
    if not wanted:
        raise _combination("Either RestoreToTime or UseLatestRestorableTime must be specified.")
    try:
        second = int(_seconds(str(wanted)))
    except ValueError:
        raise Refused("InvalidParameterValue", f"Invalid time for RestoreToTime: {wanted}") from None
    if not math.ceil(earliest) <= second < latest_time:
        raise Refused(
            "InvalidParameterValue",
            f"The DB cluster {source['DBClusterIdentifier']} can't be restored to {_text(second)}: the time "
            f"must be from {_text(math.ceil(earliest))} and before {_text(latest_time)}.",
        )
    return second


def _seconds(text: str) -> float:
    """Return the seconds since the epoch of a time with an offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.timestamp()


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _require_fitting(properties: Properties, found: Restore) -> None:
    record = found.record
    if properties.get("MasterUsername"):
        raise _combination(f"MasterUsername can't be specified when restoring from a {found.what}.")
    if record["StorageEncrypted"] and "StorageEncrypted" in properties:
        raise _combination(
            f"StorageEncrypted can't be specified when restoring from an encrypted {found.what}."
        )
    if properties.get("Engine") != record["Engine"]:
        raise Refused(
            "InvalidParameterCombination",
            f"The engine {properties.get('Engine')} is not compatible with that of the {found.what}, "
            f"{record['Engine']}.",
        )
    version = str(properties.get("EngineVersion") or record["EngineVersion"])
    if found.is_snapshot and _numbers(version) < _numbers(record["EngineVersion"]):
        raise Refused(
            "InvalidParameterCombination",
            f"Cannot restore a snapshot of version {record['EngineVersion']} to the lower version {version}.",
        )


def _combination(text: str) -> Refused:
    return Refused("InvalidParameterCombination", text, by_service=False)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def with_inherited(properties: Properties, restore: Restore | None) -> Properties:
    """Return a cluster's properties with those that AWS takes from the source.

    A restore to a point in time has the source's engine version, whatever the template says: the API takes
    none.
    """
    if restore is None:
        return properties
    record = restore.record
    inherited = {name: record[name] for name in INHERITED if record.get(name)}
    version = {"EngineVersion": record["EngineVersion"]}
    return {**version, **properties, **inherited, **({} if restore.is_snapshot else version)}


def _data_of_snapshot(name: str) -> DataCopy:
    """Return the data of a snapshot. Raises Refused if this sandbox has none of it."""
    found = databases.kept((here(), name))
    if found is None:
        raise Refused(
            "InternalFailure",
            f"The sandbox has no data of the snapshot {name}: it copies data for manual and final snapshots "
            "of MariaDB databases, not for automated ones and not of the embedded database.",
        )
    return found
