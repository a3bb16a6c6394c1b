"""Resources that outlive a database: snapshots, found by their tags; automated backups are gone with it."""

from collections.abc import Callable, Iterator

from ministack.services import rds, tagging

from sanso_sandbox.engine.registry import Answer, Parameters


def install() -> None:
    """Install the actions, and add RDS to the services of the Tagging API."""
    for name, members in (
        ("DescribeDBClusterAutomatedBackups", "DBClusterAutomatedBackups"),
        ("DescribeDBInstanceAutomatedBackups", "DBInstanceAutomatedBackups"),
    ):
        rds._ACTION_MAP[name] = _without_any(name, members)
    tagging._COLLECTORS["rds"] = _tagged


def _without_any(name: str, members: str) -> Callable[[Parameters], Answer]:
    """Return an action that lists none: AWS deletes them with their database by default."""

    def action(_parameters: Parameters) -> Answer:
        inner = f"<{name}Result><{members}></{members}></{name}Result>"
        answer: Answer = rds._xml(200, f"{name}Response", inner)
        return answer

    return action


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield (ARN, tags) of clusters, instances and snapshots, which may have the tags of their cluster."""
    for store, arn in ((rds._clusters, "DBClusterArn"), (rds._instances, "DBInstanceArn")):
        for row in store.values():
            yield row[arn], list(row.get("TagList") or [])
    for row in rds._db_cluster_snapshots.values():
        yield row["DBClusterSnapshotArn"], list(row["TagList"])
