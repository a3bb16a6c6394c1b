"""Aurora's delays: parameter groups that are too new, and endpoint names in DNS caches."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import made

GROUP = """
Resources:
  Group:
    Type: AWS::RDS::DBClusterParameterGroup
    Properties: {Description: strict, Family: aurora-mysql8.0, Parameters: {character_set_server: sjis}}
Outputs: {Group: {Value: !Ref Group}}
"""
CLUSTER = """
Parameters: {Group: {Type: String, Default: default.aurora-mysql8.0}}
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      MasterUsername: admin
      MasterUserPassword: not-a-secret
      DBClusterParameterGroupName: !Ref Group
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
Outputs:
  Cluster: {Value: !Ref Cluster}
  Host: {Value: !GetAtt Cluster.Endpoint.Address}
  Port: {Value: !GetAtt Cluster.Endpoint.Port}
"""
READER = """
  Reader:
    Type: AWS::RDS::DBInstance
    DependsOn: Writer
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
Outputs:
"""


@pytest.fixture
def account(account: Account) -> Account:
    """An account of a sandbox whose databases are MariaDB."""
    about: Any = account.sandbox.control("GET", "about")
    if "MariaDB" not in str(about.get("databases", "")) and "mariadb" not in str(about):
        pytest.skip("no MariaDB on this machine")
    return account


def _requested(outputs: dict[str, str], question: str) -> Any:
    connection = pymysql.connect(
        host=outputs["Host"], port=int(outputs["Port"]), user="admin", password="not-a-secret"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()[0][0]


def test_a_new_parameter_group_does_not_set_the_charset_of_a_cluster(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterParameterGroup.html"""
    account.pace(0.2)  # five minutes are five seconds
    group = account.outputs(made(account, "group", GROUP))["Group"]
    new = made(account, "new", CLUSTER, Group=group)
    assert _requested(account.outputs(new), "SELECT @@character_set_server") == "utf8mb4"
    account.sandbox.control(
        "POST", "readings", {"new_parameter_groups_are_ignored": False}, account=account.id
    )
    kinder = made(account, "kinder", CLUSTER, Group=group)
    assert _requested(account.outputs(kinder), "SELECT @@character_set_server") == "sjis"
    account.sandbox.control(
        "POST", "readings", {"new_parameter_groups_are_ignored": True}, account=account.id
    )
    account.pace(0)
    old = made(account, "old", CLUSTER, Group=group)
    assert _requested(account.outputs(old), "SELECT @@character_set_server") == "sjis"


def test_after_a_failover_the_writer_endpoint_leads_to_the_old_writer_for_a_while(account: Account) -> None:
    """https://repost.aws/knowledge-center/aurora-mysql-redirected-endpoint-writer"""
    outputs = account.outputs(made(account, "aurora", CLUSTER.replace("\nOutputs:\n", READER)))
    rds = account.client("rds")
    before = _requested(outputs, "SELECT @@server_id")

    def has_a_reader() -> bool:
        members = account.sandbox.control("GET", "databases", account=account.id)
        return '"follows": true' in str(members).replace("'", '"').replace("True", "true")

    wait_until(has_a_reader, what="a reader that follows")
    account.pace(100)  # the DNS entry stays stale until the old writer is back as a reader
    rds.failover_db_cluster(DBClusterIdentifier=outputs["Cluster"])
    seen: list[tuple[int, int]] = []

    def sees(wanted: tuple[int, bool]) -> bool:
        try:
            read_only, server = (
                _requested(outputs, f"SELECT @@{name}") for name in ("read_only", "server_id")
            )
        except pymysql.MySQLError:
            return False
        seen.append((read_only, server == before))
        return seen[-1] == wanted

    wait_until(lambda: sees((1, True)), what="the old writer, which only reads now")
    assert (0, False) not in seen
    with pytest.raises(pymysql.MySQLError) as refused:
        _requested(outputs, "CREATE DATABASE refused")
    assert refused.value.args[0] == 1290  # "running with the --read-only option"
    account.pace(0)
    wait_until(lambda: sees((0, False)), what="the new writer behind the endpoint")
