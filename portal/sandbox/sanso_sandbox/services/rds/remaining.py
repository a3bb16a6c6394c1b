"""Resources that outlive a database: snapshots, found by their tags; the sandbox has no automated backups."""

from collections.abc import Callable, Iterator

from ministack.services import rds, tagging

from sanso_sandbox.engine.registry import Answer, Parameters, Record


def install() -> None:
    """Install the actions, and add RDS to the services of the Tagging API."""
    for name, members in (
        ("DescribeDBClusterAutomatedBackups", "DBClusterAutomatedBackups"),
        ("DescribeDBInstanceAutomatedBackups", "DBInstanceAutomatedBackups"),
    ):
        rds._ACTION_MAP[name] = _without_any(name, members)
    tagging._COLLECTORS["rds"] = _tagged
    rds._create_cluster_snapshot_internal = _with_tags(rds._create_cluster_snapshot_internal)


def _without_any(name: str, members: str) -> Callable[[Parameters], Answer]:
    """Return an action that lists none: AWS deletes them with their database by default."""

    def action(_parameters: Parameters) -> Answer:
        inner = f"<{name}Result><{members}></{members}></{name}Result>"
        answer: Answer = rds._xml(200, f"{name}Response", inner)
        return answer

    return action


def _with_tags(engine: Callable[[str, Record], Record]) -> Callable[[str, Record], Record]:
    """Return a function that takes a snapshot, with the cluster's tags if the cluster copies them."""

    def take(snapshot_id: str, cluster: Record) -> Record:
        snapshot = engine(snapshot_id, cluster)
        if cluster.get("CopyTagsToSnapshot"):
            snapshot["TagList"] = list(cluster.get("TagList") or [])
        return snapshot

    return take


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield (ARN, tags) of clusters, instances and snapshots, which may have the tags of their cluster."""
    for store, arn in ((rds._clusters, "DBClusterArn"), (rds._instances, "DBInstanceArn")):
        for row in store.values():
            yield row[arn], list(row.get("TagList") or [])
    for row in rds._db_cluster_snapshots.values():
        yield row["DBClusterSnapshotArn"], list(row["TagList"])
