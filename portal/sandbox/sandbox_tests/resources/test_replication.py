"""A cluster's writer and readers are separate servers; failed ones are replaced and no commit is lost."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import NETWORK, made
from sandbox_tests.resources.test_databases import CLUSTER, cluster, connect, secret
from sandbox_tests.sandboxes import Sandbox

Outputs = dict[str, str]


def made_cluster(account: Account) -> Outputs:
    """Create a cluster of two instances with a table in it; return the stack's outputs."""
    network = account.outputs(made(account, "network", NETWORK))
    given = {name: network[name] for name in ("SubnetA", "SubnetC", "Group")}
    outputs = account.outputs(made(account, "aurora", CLUSTER, **given))
    with connect(account, outputs, "Endpoint") as writer, writer.cursor() as cursor:
        cursor.execute("CREATE TABLE saved (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(40))")
    return outputs


@pytest.fixture(scope="module")
def account_of_all(sandbox: Sandbox) -> Account:
    return Account(sandbox, "310987654321")


@pytest.fixture(scope="module")
def cluster_of_all(account_of_all: Account) -> Outputs:
    return made_cluster(account_of_all)


@pytest.fixture
def account(account_of_all: Account) -> Iterator[Account]:
    """The account that most tests share."""
    yield account_of_all
    account_of_all.pace(0)


@pytest.fixture
def aurora(account: Account, cluster_of_all: Outputs) -> Outputs:
    """The shared cluster, recovered from the test before. Writer and Reader are the current ones."""
    becomes_whole(account, cluster_of_all)
    now = {role: instance for instance, role in roles(account, cluster_of_all).items()}
    return {**cluster_of_all, "Writer": now["writer"], "Reader": now["reader"]}


def act(account: Account, outputs: Outputs, action: str) -> Any:
    return account.sandbox.control(
        "POST", "databases", {"cluster": outputs["Cluster"], "action": action}, account=account.id
    )


def roles(account: Account, outputs: Outputs) -> dict[str, str]:
    """Return each ready instance's role: the writer if it answers, readers that follow it."""
    listed: Any = account.sandbox.control("GET", "databases", account=account.id)
    (found,) = listed["databases"]
    ready = {"writer": "answers", "reader": "follows"}
    return {one["instance"]: one["role"] for one in found["instances"] if one[ready[one["role"]]]}


def becomes_whole(account: Account, outputs: Outputs) -> None:
    becomes(account, lambda: sorted(roles(account, outputs).values()) == ["reader", "writer"], "both servers")


def becomes(account: Account, condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition of the cluster; raise TimeoutError with the state of its instances."""
    try:
        wait_until(condition, what=what)
    except TimeoutError as late:
        listed: Any = account.sandbox.control("GET", "databases", account=account.id)
        instances = [one for found in listed["databases"] for one in found["instances"]]
        raise TimeoutError("\n".join([str(late), *map(str, instances)])) from None


def swapped(outputs: Outputs) -> dict[str, str]:
    return {outputs["Writer"]: "reader", outputs["Reader"]: "writer"}


class Load:
    """Clients that keep writing through the writer endpoint, and their acknowledged writes."""

    def __init__(self, account: Account, outputs: Outputs, clients: int = 3) -> None:
        self.acknowledged: list[str] = []
        self._name = secrets.token_hex(4)
        self._stop = threading.Event()
        text = secret(account, outputs["Secret"])
        self._open: Callable[[], Any] = lambda: pymysql.connect(
            host=outputs["Endpoint"],
            port=int(outputs["Port"]),
            user=text["username"],
            password=text["password"],
            database="datelog",
            autocommit=True,
            read_timeout=5,
        )
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def _run(self, number: int) -> None:
        connection: Any = None
        turn = -1
        while not self._stop.is_set():
            turn += 1
            try:
                connection = connection or self._open()
                text = f"{self._name}-{number}-{turn}"
                connection.cursor().execute("INSERT INTO saved (word) VALUES (%s)", (text,))
                self.acknowledged.append(text)
            except pymysql.MySQLError:
                connection = None
                time.sleep(0.01)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def words(account: Account, outputs: Outputs, endpoint: str) -> set[str]:
    with connect(account, outputs, endpoint) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM saved")
        return {text for (text,) in cursor.fetchall()}


@pytest.mark.parametrize("action", ["kill_writer", "stop_writer", "failover"])
def test_another_server_writes_and_no_acknowledged_write_is_lost(
    account: Account, aurora: Outputs, action: str
) -> None:
    with Load(account, aurora) as load:
        wait_until(lambda: len(load.acknowledged) > 100, what="writes before")
        becomes_whole(account, aurora)  # without a reader that is up to date, the same writer is restarted
        act(account, aurora, action)
        becomes(account, lambda: roles(account, aurora) == swapped(aurora), "both servers in new roles")
        seen = len(load.acknowledged)
        wait_until(lambda: len(load.acknowledged) > seen + 100, what="writes after")
    assert set(load.acknowledged) <= words(account, aurora, "Endpoint")
    wait_until(
        lambda: set(load.acknowledged) <= words(account, aurora, "ReadEndpoint"), what="them at the reader"
    )


def test_rds_tells_of_the_failover(account: Account, aurora: Outputs) -> None:
    account.pace(1.0)
    act(account, aurora, "kill_writer")
    rds = account.client("rds")

    def reported() -> dict[str, bool]:
        members = cluster(account, aurora)["DBClusterMembers"]
        return {one["DBInstanceIdentifier"]: one["IsClusterWriter"] for one in members}

    def status(instance: str) -> str:
        (found,) = rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
        return str(found["DBInstanceStatus"])

    wait_until(lambda: cluster(account, aurora)["Status"] == "failing-over", what="the failover's status")
    becomes(
        account,
        lambda: reported() == {aurora["Writer"]: False, aurora["Reader"]: True},
        "the members' new roles",
    )
    becomes(account, lambda: status(aurora["Writer"]) == "available", "the old writer")
    becomes(account, lambda: cluster(account, aurora)["Status"] == "available", "the cluster")
    found = rds.describe_events(SourceType="db-cluster", SourceIdentifier=aurora["Cluster"])["Events"]
    assert [one["Message"] for one in found][-2:] == [
        f"Started failover to DB instance: {aurora['Reader']}",
        f"Completed failover to DB instance: {aurora['Reader']}",
    ]
    found = rds.describe_events(SourceType="db-instance", SourceIdentifier=aurora["Writer"])["Events"]
    assert found[-1]["Message"] == "DB instance restarted"


def test_a_killed_reader_comes_back_and_the_writer_reads_meanwhile(account: Account, aurora: Outputs) -> None:
    with Load(account, aurora, clients=1) as load:
        wait_until(lambda: len(load.acknowledged) > 20, what="writes before")
        act(account, aurora, "kill_reader")
        becomes(account, lambda: len(roles(account, aurora)) == 1, "the reader's absence")
        assert words(account, aurora, "ReadEndpoint")
        becomes(account, lambda: len(roles(account, aurora)) == 2, "the reader")
    assert roles(account, aurora)[aurora["Writer"]] == "writer"
    wait_until(
        lambda: set(load.acknowledged) <= words(account, aurora, "ReadEndpoint"), what="all at the reader"
    )


def test_a_rotated_password_and_new_users_are_known_after_a_failover(
    account: Account, aurora: Outputs
) -> None:
    account.client("secretsmanager").rotate_secret(SecretId=aurora["Secret"])
    connect(account, aurora, "ReadEndpoint").close()
    with connect(account, aurora, "Endpoint") as writer:
        writer.cursor().execute("CREATE OR REPLACE USER app@'%' IDENTIFIED BY 'word'")
    account.client("rds").failover_db_cluster(DBClusterIdentifier=aurora["Cluster"])
    connect(account, aurora, "Endpoint").close()
    pymysql.connect(host=aurora["Endpoint"], port=int(aurora["Port"]), user="app", password="word").close()
    becomes(account, lambda: roles(account, aurora) == swapped(aurora), "the old writer as a reader")
    assert secret(account, aurora["Secret"])["username"] == "admin"
    connect(account, aurora, "ReadEndpoint").close()


def test_an_instance_more_has_all_rows_and_one_without_others_writes_again_by_itself(
    sandbox: Sandbox, sandbox_account: str
) -> None:
    account = Account(sandbox, sandbox_account)
    aurora = made_cluster(account)
    rds = account.client("rds")
    with Load(account, aurora, clients=1) as load:
        wait_until(lambda: len(load.acknowledged) > 20, what="writes")
    rds.create_db_instance(
        DBInstanceIdentifier="third",
        DBClusterIdentifier=aurora["Cluster"],
        Engine="aurora-mysql",
        DBInstanceClass="db.t4g.medium",
    )
    (third,) = rds.describe_db_instances(DBInstanceIdentifier="third")["DBInstances"]
    own = {**aurora, "Own": third["Endpoint"]["Address"], "Port": str(third["Endpoint"]["Port"])}
    assert words(account, own, "Own") == set(load.acknowledged)
    for instance in (aurora["Writer"], "third"):  # the first is the writer, so another instance becomes it
        rds.delete_db_instance(DBInstanceIdentifier=instance)
    assert roles(account, aurora) == {aurora["Reader"]: "writer"}
    act(account, aurora, "kill_writer")

    def rows() -> set[str]:
        try:
            return words(account, aurora, "Endpoint")
        except pymysql.MySQLError:
            return set()

    wait_until(lambda: rows() == set(load.acknowledged), what="the rows after the crash")
    with pytest.raises(ClientError, match="no reader to fail over to"):
        rds.failover_db_cluster(DBClusterIdentifier=aurora["Cluster"])


def test_a_rebooted_writer_stays_the_writer_and_keeps_its_rows(account: Account, aurora: Outputs) -> None:
    with Load(account, aurora, clients=1) as load:
        wait_until(lambda: len(load.acknowledged) > 20, what="writes before")
        account.client("rds").reboot_db_instance(DBInstanceIdentifier=aurora["Writer"])
        seen = len(load.acknowledged)
        wait_until(lambda: len(load.acknowledged) > seen + 20, what="writes after")
    assert roles(account, aurora)[aurora["Writer"]] == "writer"
    assert set(load.acknowledged) <= words(account, aurora, "Endpoint")


def test_cloudwatch_has_the_replica_lag(account: Account, aurora: Outputs) -> None:
    def points() -> list[Any]:
        now = datetime.datetime.now(datetime.UTC)
        found: list[Any] = account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName="AuroraReplicaLag",
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": aurora["Reader"]}],
            StartTime=now - datetime.timedelta(minutes=5),
            EndTime=now + datetime.timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return found

    wait_until(lambda: bool(points()), what="a point of the metric")
    assert points()[0]["Unit"] == "Milliseconds"
    assert 0 <= points()[0]["Maximum"] < 30_000


def test_cloudwatch_has_the_connections_of_clients_and_the_lag_by_role(
    account: Account, aurora: Outputs
) -> None:
    def maximum(metric: str, role: str) -> float | None:
        now = datetime.datetime.now(datetime.UTC)
        dimensions = [
            {"Name": "DBClusterIdentifier", "Value": aurora["Cluster"]},
            {"Name": "Role", "Value": role},
        ]
        of_role = {"Namespace": "AWS/RDS", "MetricName": metric, "Dimensions": dimensions}
        (found,) = account.client("cloudwatch").get_metric_data(
            MetricDataQueries=[
                {"Id": "m", "MetricStat": {"Metric": of_role, "Period": 300, "Stat": "Maximum"}}
            ],
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now + datetime.timedelta(minutes=1),
        )["MetricDataResults"]
        return max(found["Values"], default=None)

    with contextlib.ExitStack() as open_clients:
        for _ in range(7):
            open_clients.enter_context(connect(account, aurora, "Endpoint"))
        wait_until(lambda: (maximum("DatabaseConnections", "WRITER") or 0) >= 7, what="the connections")
    wait_until(lambda: maximum("AuroraReplicaLag", "READER") is not None, what="the lag of the reader")
    assert maximum("AuroraReplicaLag", "WRITER") is None


def test_an_unknown_cluster_or_action_is_refused(account: Account, aurora: Outputs) -> None:
    for outputs, action, code in (({"Cluster": "none"}, "kill_writer", 404), (aurora, "dance", 400)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            act(account, outputs, action)
        assert refused.value.code == code
        refused.value.close()
