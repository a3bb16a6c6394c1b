"""Clusters that are restored from snapshots: their data, users and passwords, and what is rejected."""

from __future__ import annotations

import uuid
from typing import Any

import pymysql
import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, changed, failure, gone, made
from sandbox_tests.resources.test_databases import CLUSTER, connect, values

ENCRYPTION = "      StorageEncrypted: true\n"
MASTER = "      MasterUsername: admin\n"
NAME = "      DatabaseName: datelog\n"
SNAPSHOT = "  Snapshot: {Type: String, Default: shop-data}\n"
RESTORED = (
    CLUSTER.replace("Resources:\n", f"{SNAPSHOT}Resources:\n", 1)
    .replace(MASTER, "      SnapshotIdentifier: !Ref Snapshot\n")
    .replace(ENCRYPTION, "")
    .replace(NAME, "")
)
PASSWORD = "an app's word"
UNVERIFIED: dict[str, Any] = {"check_hostname": False, "verify_mode": "none"}


def write(account: Account, outputs: dict[str, str], *numbers: int) -> None:
    with connect(account, outputs, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS seen (id INT PRIMARY KEY)")
        cursor.executemany("INSERT INTO seen VALUES (%s)", [(number,) for number in numbers])


def numbers(account: Account, outputs: dict[str, str], host: str = "Endpoint") -> list[int]:
    with connect(account, outputs, host) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM seen ORDER BY id")
        return [number for (number,) in cursor.fetchall()]


def take(account: Account, outputs: dict[str, str], name: str = "shop-data") -> dict[str, Any]:
    client = account.client("rds")
    client.create_db_cluster_snapshot(
        DBClusterIdentifier=outputs["Cluster"], DBClusterSnapshotIdentifier=name
    )

    def found() -> dict[str, Any]:
        (row,) = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
        assert isinstance(row, dict)
        return row

    wait_until(lambda: found()["Status"] == "available", what="an available snapshot")
    return found()


def refusal(account: Account, network: Network, template: str = RESTORED) -> str:
    """Return the reason why a cluster was not created."""
    return failure(account, f"refused-{uuid.uuid4().hex[:8]}", template, "Cluster", **values(network))


@pytest.fixture
def shop(account: Account, network: Network) -> dict[str, str]:
    """The outputs of a stack whose database has rows and a user of the application."""
    outputs = account.outputs(made(account, "shop", CLUSTER, **values(network)))
    write(account, outputs, 1, 2, 3)
    with connect(account, outputs, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER app@'%%' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute("GRANT SELECT ON datelog.* TO app@'%'")
    return outputs


def test_a_restored_cluster_has_the_rows_and_users_of_the_snapshot_and_a_new_administrators_password(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    take(account, shop)
    write(account, shop, 4)  # later than the snapshot

    restored = account.outputs(made(account, "again", RESTORED, **values(network)))

    assert numbers(account, restored) == [1, 2, 3]
    assert restored["Secret"] != shop["Secret"]
    with pymysql.connect(
        host=restored["Endpoint"], user="app", password=PASSWORD, database="datelog", ssl=UNVERIFIED
    ) as connection:
        assert connection.cursor().execute("SELECT id FROM seen") == 3
    write(account, restored, 5)
    wait_until(
        lambda: numbers(account, restored, "ReadEndpoint") == [1, 2, 3, 5], what="the row at the reader"
    )
    assert numbers(account, shop) == [1, 2, 3, 4], "the database of the snapshot"
    assert take(account, restored, "again-data")["MasterUsername"] == "admin"


def test_a_final_snapshot_has_the_data_of_the_deleted_cluster(account: Account, network: Network) -> None:
    kept = CLUSTER.replace("DeletionPolicy: Delete", "DeletionPolicy: Snapshot")
    kept = kept.replace("MasterUsername: admin", "MasterUsername: root")
    stack = made(account, "shop", kept, **values(network))
    write(account, account.outputs(stack), 7)
    gone(account, stack)
    (final,) = account.client("rds").describe_db_cluster_snapshots(SnapshotType="manual")[
        "DBClusterSnapshots"
    ]

    name = final["DBClusterSnapshotIdentifier"]
    restored = account.outputs(made(account, "again", RESTORED, Snapshot=name, **values(network)))

    assert numbers(account, restored) == [7]


def test_a_restored_cluster_survives_its_snapshot_and_is_replaced_only_by_another_one(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    take(account, shop)
    stack = made(account, "again", RESTORED, **values(network))
    restored = account.outputs(stack)
    account.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-data")

    changed(account, stack, RESTORED, **values(network, Tls="ON"))

    assert account.outputs(stack)["Cluster"] == restored["Cluster"]
    assert numbers(account, restored) == [1, 2, 3]
    take(account, shop, "other-data")
    changed(account, stack, RESTORED, **values(network, Tls="ON", Snapshot="other-data"))
    assert account.outputs(stack)["Cluster"] != restored["Cluster"]


def test_a_restore_is_rejected_for_a_missing_snapshot_and_for_what_the_snapshot_determines(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    assert "DBClusterSnapshot shop-data not found." in refusal(account, network)
    take(account, shop)

    with_master = RESTORED.replace("      SnapshotIdentifier", f"{MASTER}      SnapshotIdentifier")
    assert "MasterUsername can't be specified" in refusal(account, network, with_master)
    encrypted = RESTORED.replace("      SnapshotIdentifier", f"{ENCRYPTION}      SnapshotIdentifier")
    assert "StorageEncrypted can't be specified" in refusal(account, network, encrypted)
    older = RESTORED.replace("3.10.6", "3.08.2")
    assert "to the lower version" in refusal(account, network, older)
    account.sandbox.control("POST", "quotas", {"database_clusters": 1}, account=account.id)
    assert "DB Cluster quota exceeded" in refusal(account, network)


def test_a_snapshot_that_is_being_created_cannot_be_restored(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    account.pace(1)
    account.client("rds").create_db_cluster_snapshot(
        DBClusterIdentifier=shop["Cluster"], DBClusterSnapshotIdentifier="shop-data"
    )
    assert "not in the available state" in refusal(account, network)
