"""Clusters that are restored to a second of another cluster: exactly its data, and what is rejected."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, changed, failure, made
from sandbox_tests.resources.test_databases import CLUSTER, connect, values
from sandbox_tests.resources.test_restores import ENCRYPTION, MASTER, NAME, numbers, write

PARAMETERS = '  Source: {Type: String}\n  Time: {Type: String}\n  Snapshot: {Type: String, Default: ""}\n'
RESTORED = (
    CLUSTER.replace("Resources:\n", f"{PARAMETERS}Resources:\n", 1)
    .replace(
        MASTER,
        "      SourceDBClusterIdentifier: !Ref Source\n"
        "      RestoreToTime: !Ref Time\n"
        "      SnapshotIdentifier: !Ref Snapshot\n",
    )
    .replace(ENCRYPTION, "")
    .replace(NAME, "")
)


def restorable(account: Account, cluster: str) -> tuple[datetime, datetime]:
    (found,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    return found["EarliestRestorableTime"], found["LatestRestorableTime"]


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wait_restorable(account: Account, cluster: str, moment: datetime) -> None:
    wait_until(lambda: restorable(account, cluster)[1] > moment, what="a later restorable time")


def next_second() -> datetime:
    """Return the next whole second, after waiting until it has passed."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    wait_until(lambda: datetime.now(UTC) > moment, what="the second")
    return moment


@pytest.fixture
def shop(account: Account, network: Network) -> dict[str, str]:
    """The outputs of a stack with a database."""
    account.pace(0)
    return account.outputs(made(account, "shop", CLUSTER, **values(network)))


def restored(account: Account, network: Network, shop: dict[str, str], at: datetime) -> dict[str, str]:
    """Return the outputs of a new stack with the data of that second."""
    wait_restorable(account, shop["Cluster"], at)
    given = values(network, Source=shop["Cluster"], Time=text(at))
    return account.outputs(made(account, f"again-{uuid.uuid4().hex[:8]}", RESTORED, **given))


@dataclass
class Client:
    """What a client has sent: the number, and when it was sent and acknowledged."""

    rows: list[tuple[int, float, float]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def acknowledged_before(self, moment: datetime) -> set[int]:
        return {number for number, _sent, done in self.rows if done < moment.timestamp()}

    def sent_before(self, moment: datetime) -> set[int]:
        return {number for number, sent, _done in self.rows if sent < moment.timestamp()}


@contextmanager
def writing(account: Account, outputs: dict[str, str], first: int) -> Iterator[Client]:
    """Write a row at a time, as fast as the database acknowledges them."""
    client = Client()

    def work() -> None:
        with connect(account, outputs, "Endpoint") as connection, connection.cursor() as cursor:
            for number in range(first, first + 100_000):
                if client.ended.is_set():
                    return
                sent = time.time()
                cursor.execute("INSERT INTO seen VALUES (%s)", (number,))
                connection.commit()
                client.rows.append((number, sent, time.time()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield client
    finally:
        client.ended.set()
        thread.join()


def test_what_was_acknowledged_before_the_second_is_there_and_nothing_that_was_sent_in_it_or_later(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    write(account, shop, 0)
    with (
        writing(account, shop, 1) as first,
        writing(account, shop, 1_000_000) as second,
    ):
        for client in (first, second):
            wait_until(lambda c=client: len(c.rows) > 20, what="some rows")  # type: ignore[misc]
        at = next_second()
        seen = len(first.rows)
        wait_until(lambda: len(first.rows) > seen + 20, what="later rows")

    found = set(numbers(account, restored(account, network, shop, at)))

    for client in (first, second):
        assert client.acknowledged_before(at) <= found
    assert found - {0} <= first.sent_before(at) | second.sent_before(at)
    assert first.rows[-1][0] not in found
    assert len(numbers(account, shop)) == 1 + len(first.rows) + len(second.rows), "the source"


def test_it_can_be_restored_again_after_a_failover_and_from_a_restored_cluster(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    write(account, shop, 1)
    rds = account.client("rds")

    def writer() -> str:
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=shop["Cluster"])["DBClusters"]
        (found,) = [one for one in cluster["DBClusterMembers"] if one["IsClusterWriter"]]
        return str(found["DBInstanceIdentifier"])

    before = writer()
    rds.failover_db_cluster(DBClusterIdentifier=shop["Cluster"])
    wait_until(lambda: writer() != before, what="another writer")
    at = next_second()
    write(account, shop, 2)

    again = restored(account, network, shop, at)
    assert numbers(account, again) == [1]

    write(account, again, 3)
    later = next_second()
    write(account, again, 4)
    assert numbers(account, restored(account, network, again, later)) == [1, 3]


def test_a_restored_cluster_survives_its_source_and_is_replaced_only_by_another_time(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    write(account, shop, 1)
    at = next_second()
    wait_restorable(account, shop["Cluster"], at + timedelta(seconds=1))
    given = values(network, Source=shop["Cluster"], Time=text(at))
    stack = made(account, "again", RESTORED, **given)
    cluster = account.outputs(stack)["Cluster"]

    changed(account, stack, RESTORED, **{**given, "Tls": "ON"})
    assert account.outputs(stack)["Cluster"] == cluster

    changed(account, stack, RESTORED, **{**given, "Tls": "ON", "Time": text(at + timedelta(seconds=1))})
    assert account.outputs(stack)["Cluster"] != cluster


def test_a_restore_is_rejected_for_an_unknown_source_a_time_out_of_range_and_what_the_source_determines(
    account: Account, network: Network, shop: dict[str, str]
) -> None:
    earliest, latest = restorable(account, shop["Cluster"])

    def refusal(template: str = RESTORED, **given: str) -> str:
        all_ = {"Source": shop["Cluster"], "Time": text(at), **given}
        return failure(
            account, f"refused-{uuid.uuid4().hex[:8]}", template, "Cluster", **values(network, **all_)
        )

    at = earliest + timedelta(seconds=1)
    wait_restorable(account, shop["Cluster"], at)
    assert "DBCluster gone not found." in refusal(Source="gone")
    too_early = refusal(Time=text(earliest - timedelta(seconds=1)))
    assert f"can't be restored to {text(earliest - timedelta(seconds=1))}" in too_early
    assert "the time must be from" in refusal(Time=text(latest + timedelta(hours=1)))
    assert "Invalid time" in refusal(Time="yesterday")
    assert "must be specified" in refusal(Time="")
    with_master = RESTORED.replace("      SourceDB", f"{MASTER}      SourceDB")
    assert "MasterUsername can't be specified" in refusal(with_master)
    clone = RESTORED.replace("      SourceDB", "      RestoreType: copy-on-write\n      SourceDB")
    assert "if RestoreType is copy-on-write" in refusal(clone)
    both = RESTORED.replace("      SourceDB", "      UseLatestRestorableTime: true\n      SourceDB")
    assert "with UseLatestRestorableTime" in refusal(both)
    account.sandbox.control("POST", "quotas", {"database_clusters": 1}, account=account.id)
    assert "DB Cluster quota exceeded" in refusal()


def test_the_latest_restorable_time_follows_behind_the_clock(account: Account, shop: dict[str, str]) -> None:
    account.pace(1)
    wait_until(
        lambda: datetime.now(UTC) - restorable(account, shop["Cluster"])[0] > timedelta(seconds=3),
        what="an older cluster",
    )
    assert restorable(account, shop["Cluster"])[1] == restorable(account, shop["Cluster"])[0]
