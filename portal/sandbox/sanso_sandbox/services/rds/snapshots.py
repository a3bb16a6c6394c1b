"""Snapshots of clusters: their data, creation over time, quota, names, pages; automated ones without data.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html
"""

import datetime
import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine import query, quotas
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Record, Refused, arn, here
from sanso_sandbox.engine.time_scale import Wait
from sanso_sandbox.services.rds import databases, pages

DURATION: Final = 90.0  # AWS's seconds until a snapshot is available; it depends little on the size
FIRST: Final = 60.0  # seconds from the creation of a cluster to its first automated snapshot
DAY: Final = 86_400.0
NAME: Final = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9]){0,62}")
LONGEST: Final = 63
TYPES: Final = ("automated", "manual", "shared", "public", "awsbackup")
FILTERS: Final = {
    "db-cluster-id": "DBClusterIdentifier",
    "db-cluster-snapshot-id": "DBClusterSnapshotIdentifier",
    "snapshot-type": "SnapshotType",
    "engine": "Engine",
}
INVALID_NAME: Final = (
    "The parameter DBClusterSnapshotIdentifier is not a valid identifier. Identifiers must begin with a "
    "letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain "
    "two consecutive hyphens."
)


def install() -> None:
    """Let every snapshot have data, count in the quota, and have the tags of a cluster that copies them."""
    rds._create_cluster_snapshot_internal = _taking(rds._create_cluster_snapshot_internal)


def _taking(engine: Callable[[str, Record], Record]) -> Callable[[str, Record], Record]:
    """Return a function that takes a snapshot. It raises Refused if the quota is used up."""

    def take(snapshot_id: str, cluster: Record) -> Record:
        quotas.require("manual_cluster_snapshots", len(rds._db_cluster_snapshots))
        try:
            databases.keep((here(), snapshot_id), (here(), cluster["DBClusterIdentifier"]))
        except OSError as failed:
            raise Refused("InternalFailure", f"The sandbox cannot copy the data: {failed}") from failed
        snapshot = engine(snapshot_id, cluster)
        if cluster.get("CopyTagsToSnapshot"):
            snapshot["TagList"] = list(cluster.get("TagList") or [])
        return snapshot

    return take


def create(parameters: Parameters, engine: Action) -> Answer:
    """Begin a snapshot of an available cluster with MiniStack after AWS's checks."""
    name = query.value(parameters, "DBClusterSnapshotIdentifier").lower()
    if name and (len(name) > LONGEST or not NAME.fullmatch(name)):
        raise Refused("InvalidParameterValue", INVALID_NAME)
    if name in rds._db_cluster_snapshots:
        raise Refused(
            "DBClusterSnapshotAlreadyExistsFault",
            f"Cannot create the cluster snapshot because one with the identifier {name} already exists.",
        )
    cluster = rds._clusters.get(query.value(parameters, "DBClusterIdentifier").lower())
    if cluster is not None and cluster["Status"] != "available":
        raise Refused(
            "InvalidDBClusterStateFault",
            f"Cannot create a snapshot because the database cluster {cluster['DBClusterIdentifier']} is not "
            "currently in the available state.",
        )
    answer = engine({**parameters, "DBClusterSnapshotIdentifier": name})
    if answer[0] != 200 or cluster is None:
        return answer
    snapshot = rds._db_cluster_snapshots[name]
    given = rds._parse_tags(parameters)
    names = {tag["Key"] for tag in given}
    copied = (cluster.get("TagList") or []) if cluster.get("CopyTagsToSnapshot") else []
    snapshot["TagList"] = [tag for tag in copied if tag["Key"] not in names] + given
    snapshot.update(_creating=Wait(DURATION), Status="creating", PercentProgress=1)
    content = rds._cluster_snapshot_xml(snapshot)
    return _answer("CreateDBClusterSnapshot", f"<DBClusterSnapshot>{content}</DBClusterSnapshot>")


def delete(parameters: Parameters, engine: Action) -> Answer:
    """Delete a manual snapshot that is available, with MiniStack."""
    name = query.value(parameters, "DBClusterSnapshotIdentifier")
    if name in {one["DBClusterSnapshotIdentifier"] for one in _automated()}:
        raise Refused(
            "InvalidDBClusterSnapshotStateFault",
            "Only manual cluster snapshots may be deleted.",
        )
    snapshot = rds._db_cluster_snapshots.get(name)
    if snapshot is not None and _settled(snapshot)["Status"] != "available":
        raise Refused(
            "InvalidDBClusterSnapshotStateFault",
            f"Cannot delete the snapshot {name} because it is not in the available state.",
        )
    answer = engine(parameters)
    if answer[0] == 200:
        databases.forget((here(), name))
    return answer


def find(name_or_arn: str) -> Record:
    """Return a snapshot of this account and region by its name or ARN. Raises Refused."""
    wanted = _last(name_or_arn).removeprefix("cluster-snapshot:").lower()
    found = next((one for one in _all() if one["DBClusterSnapshotIdentifier"] == wanted), None)
    if found is None:
        raise Refused("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {wanted} not found.")
    return found


def describe(parameters: Parameters, _engine: Action) -> Answer:
    """Return a page of the manual and automated snapshots that match type, names and filters."""
    wanted: dict[str, list[str]] = rds._parse_filters(parameters)
    for name in wanted:
        if name not in FILTERS:
            raise Refused("InvalidParameterValue", f"Unrecognized filter name: {name}")
    kind = query.value(parameters, "SnapshotType")
    if kind and kind not in TYPES:
        raise Refused("InvalidParameterValue", f"Invalid snapshot type: {kind}")
    named = query.value(parameters, "DBClusterSnapshotIdentifier").lower()
    for filter_, value in (
        ("db-cluster-snapshot-id", named),
        ("db-cluster-id", query.value(parameters, "DBClusterIdentifier")),
        ("snapshot-type", kind),
    ):
        if value:
            wanted[filter_] = [one for one in wanted.get(filter_, [value]) if _last(one) == _last(value)]
    rows = [one for one in _all() if _matches(one, wanted)]
    if named and not rows and not kind:
        answer: Answer = rds._error(
            "DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {query.xml(named)} not found.", 404
        )
        return answer
    page, marker = pages.page(parameters, rows, lambda one: str(one["DBClusterSnapshotIdentifier"]))
    members = "".join(
        f"<DBClusterSnapshot>{rds._cluster_snapshot_xml(one)}</DBClusterSnapshot>" for one in page
    )
    return _answer(
        "DescribeDBClusterSnapshots", f"<DBClusterSnapshots>{members}</DBClusterSnapshots>{marker}"
    )


def _matches(snapshot: Record, wanted: dict[str, list[str]]) -> bool:
    """Return whether a snapshot matches each filter; clusters and snapshots may be named by ARN."""
    return all(
        any(_last(value) == snapshot[FILTERS[name]] for value in values) for name, values in wanted.items()
    )


def _last(name_or_arn: str) -> str:
    """Return the name in an ARN of RDS. Names of automated snapshots have a colon, too."""
    return name_or_arn.split(":", 6)[6] if name_or_arn.startswith("arn:") else name_or_arn


def _all() -> list[Record]:
    manual = [_settled(one) for one in rds._db_cluster_snapshots.values()]
    return sorted(
        [*manual, *_automated()],
        key=lambda one: (one["DBClusterIdentifier"], one["DBClusterSnapshotIdentifier"]),
    )


def _settled(snapshot: Record) -> Record:
    """Return a snapshot after making it available if its time has come."""
    if snapshot["Status"] == "creating" and snapshot["_creating"].is_over():
        snapshot.update(Status="available", PercentProgress=100)
    return snapshot


def _automated() -> Iterator[Record]:
    """Yield the automated snapshots: they follow from the records of clusters, and are gone with these."""
    for cluster in list(rds._clusters.values()):
        if cluster["Status"] != "creating":
            for at in automated_times(cluster, time.time()):
                yield _automated_at(cluster, at)


def automated_times(cluster: Record, now: float) -> list[float]:
    """Return when RDS took a cluster's automated snapshots that it still keeps.

    One soon after the creation, and one in each daily backup window.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Backups.html
    """
    first = _seconds(cluster["ClusterCreateTime"]) + FIRST
    hours, minutes = str(cluster["PreferredBackupWindow"]).partition("-")[0].split(":")
    midnight = first // DAY * DAY
    window = midnight + int(hours) * 3600 + int(minutes) * 60
    times = [first, *(window + day * DAY for day in range(int((now - midnight) // DAY) + 1))]
    oldest = now - int(cluster["BackupRetentionPeriod"]) * DAY
    return [at for at in times if first <= at <= now and at >= oldest]


def _automated_at(cluster: Record, at: float) -> Record:
    moment = datetime.datetime.fromtimestamp(at, tz=datetime.UTC)
    name = f"rds:{cluster['DBClusterIdentifier']}-{moment:%Y-%m-%d-%H-%M}"
    copied = (
        "DBClusterIdentifier Engine EngineVersion ClusterCreateTime Port MasterUsername StorageEncrypted "
        "KmsKeyId AvailabilityZones DbClusterResourceId AllocatedStorage"
    )
    return {
        **{member: cluster[member] for member in copied.split() if member in cluster},
        "DBClusterSnapshotIdentifier": name,
        "DBClusterSnapshotArn": arn("rds", f"cluster-snapshot:{name}"),
        "SnapshotCreateTime": rds._format_time(at),
        "SnapshotType": "automated",
        "Status": "available",
        "PercentProgress": 100,
        "TagList": list(cluster.get("TagList") or []) if cluster.get("CopyTagsToSnapshot") else [],
    }


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def _answer(action: str, content: str) -> Answer:
    answer: Answer = rds._xml(200, f"{action}Response", f"<{action}Result>{content}</{action}Result>")
    return answer
