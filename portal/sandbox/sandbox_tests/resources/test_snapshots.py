"""Snapshots of clusters: creation over time, names, quota, states, pages; restorable times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sanso_sandbox.services.rds.snapshots import automated_times

ENVIRONMENT = {"Key": "sanso:environment", "Value": "e-1"}


@pytest.fixture
def rds(account: Account) -> Any:
    """The client of an account with an available cluster that copies its tags to snapshots."""
    found = account.client("rds")
    found.create_db_cluster(
        DBClusterIdentifier="shop",
        Engine="aurora-postgresql",
        MasterUsername="master",
        MasterUserPassword="not-a-secret",
        BackupRetentionPeriod=7,
        PreferredBackupWindow="17:00-17:30",
        CopyTagsToSnapshot=True,
        Tags=[ENVIRONMENT],
    )
    return found


def take(rds: Any, name: str, **more: Any) -> dict[str, Any]:
    snapshot: dict[str, Any] = rds.create_db_cluster_snapshot(
        DBClusterIdentifier="shop", DBClusterSnapshotIdentifier=name, **more
    )["DBClusterSnapshot"]
    return snapshot


def named(rds: Any, name: str) -> dict[str, Any]:
    (found,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
    assert isinstance(found, dict)
    return found


def names(rds: Any, **wanted: Any) -> list[str]:
    pages = rds.get_paginator("describe_db_cluster_snapshots").paginate(
        **wanted, PaginationConfig={"PageSize": 20}
    )
    return [row["DBClusterSnapshotIdentifier"] for page in pages for row in page["DBClusterSnapshots"]]


def code_of(call: Any, **values: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**values)
    return str(refused.value.response["Error"]["Code"])


def test_a_snapshot_is_created_for_a_while_with_the_tags_of_cluster_and_request(
    account: Account, rds: Any
) -> None:
    account.pace(0.05)

    begun = take(rds, "Before-The-Sale", Tags=[{"Key": "sanso:snapshot", "Value": "requested"}])

    assert (begun["DBClusterSnapshotIdentifier"], begun["Status"]) == ("before-the-sale", "creating")
    assert (begun["SnapshotType"], begun["DBClusterIdentifier"]) == ("manual", "shop")
    assert {tag["Key"] for tag in begun["TagList"]} == {"sanso:environment", "sanso:snapshot"}
    assert (
        code_of(rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier="before-the-sale")
        == "InvalidDBClusterSnapshotStateFault"
    )
    wait_until(lambda: named(rds, "before-the-sale")["Status"] == "available", what="an available snapshot")
    assert named(rds, "before-the-sale")["PercentProgress"] == 100
    tagged = account.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "sanso:environment", "Values": ["e-1"]}]
    )["ResourceTagMappingList"]
    assert begun["DBClusterSnapshotArn"] in [one["ResourceARN"] for one in tagged]


def test_a_snapshot_needs_a_free_and_valid_name_and_an_available_cluster(account: Account, rds: Any) -> None:
    take(rds, "first")
    for name in ("first", "FIRST"):
        assert code_of(take, rds=rds, name=name) == "DBClusterSnapshotAlreadyExistsFault"
    for name in ("1st", "a--b", "a-", "a_b", "a" * 64):
        assert code_of(take, rds=rds, name=name) == "InvalidParameterValue"
    missing = {"DBClusterIdentifier": "other", "DBClusterSnapshotIdentifier": "second"}
    assert code_of(rds.create_db_cluster_snapshot, **missing) == "DBClusterNotFoundFault"
    missing = {"DBClusterSnapshotIdentifier": "never-there"}
    assert code_of(rds.describe_db_cluster_snapshots, **missing) == "DBClusterSnapshotNotFoundFault"


def test_the_quota_of_manual_snapshots_is_100(account: Account, rds: Any) -> None:
    limits = account.sandbox.control("GET", "quotas", account=account.id)
    assert isinstance(limits, dict)
    assert limits["manual_cluster_snapshots"] == 100
    account.sandbox.control("POST", "quotas", {"manual_cluster_snapshots": 1}, account=account.id)
    take(rds, "first")

    assert code_of(take, rds=rds, name="second") == "SnapshotQuotaExceeded"
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="first")
    take(rds, "second")


def test_snapshots_are_returned_in_pages_and_by_filters(rds: Any) -> None:
    all_names = [f"s-{number:02}" for number in range(45)]
    for name in all_names:
        take(rds, name)

    by_cluster = [{"Name": "db-cluster-id", "Values": ["shop", "gone"]}]
    assert names(rds, Filters=by_cluster, SnapshotType="manual") == all_names
    assert names(rds, DBClusterIdentifier="shop", SnapshotType="manual") == all_names
    assert names(rds, Filters=[{"Name": "db-cluster-id", "Values": ["gone"]}]) == []
    assert names(rds, Filters=[{"Name": "db-cluster-snapshot-id", "Values": ["s-07"]}]) == ["s-07"]
    assert (
        names(rds, Filters=[{"Name": "snapshot-type", "Values": ["automated"]}], SnapshotType="manual") == []
    )
    unknown = [{"Name": "color", "Values": ["red"]}]
    assert code_of(rds.describe_db_cluster_snapshots, Filters=unknown) == "InvalidParameterValue"
    assert code_of(rds.describe_db_cluster_snapshots, MaxRecords=5) == "InvalidParameterValue"


def test_a_snapshot_outlives_its_cluster(rds: Any) -> None:
    take(rds, "kept")
    rds.delete_db_cluster(DBClusterIdentifier="shop", SkipFinalSnapshot=True)

    assert names(rds, DBClusterIdentifier="shop") == ["kept"]


def test_a_cluster_has_restorable_times_that_follow_the_clock(account: Account, rds: Any) -> None:
    account.pace(0)

    def times() -> tuple[datetime, datetime]:
        (found,) = rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"]
        return found["EarliestRestorableTime"], found["LatestRestorableTime"]

    earliest, latest = times()
    now = datetime.now(UTC)
    assert now - timedelta(minutes=5) < earliest <= latest <= now
    wait_until(lambda: times()[1] > latest, what="a later restorable time")
    assert times()[0] == earliest


def test_automated_snapshots_are_daily_and_kept_for_the_retention_period() -> None:
    cluster = {
        "ClusterCreateTime": "2026-12-01T12:00:00.000Z",
        "PreferredBackupWindow": "17:00-17:30",
        "BackupRetentionPeriod": 2,
    }

    def taken(now: str) -> list[str]:
        times = automated_times(cluster, datetime.fromisoformat(f"{now}+00:00").timestamp())
        return [f"{datetime.fromtimestamp(at, UTC):%d %H:%M}" for at in times]

    assert taken("2026-12-01T12:00:30") == []
    assert taken("2026-12-01T12:05:00") == ["01 12:01"]
    assert taken("2026-12-02T18:00:00") == ["01 12:01", "01 17:00", "02 17:00"]
    assert taken("2026-12-04T12:00:00") == ["02 17:00", "03 17:00"]
