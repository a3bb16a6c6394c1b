"""Aurora clusters: endpoints that connect to a server, managed passwords, roles."""

from __future__ import annotations

import json
from typing import Any

import pymysql
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, changed, given, gone, made

CLUSTER = """
Parameters:
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  SubnetC: {Type: AWS::EC2::Subnet::Id}
  Group: {Type: AWS::EC2::SecurityGroup::Id}
  Port: {Type: Number, Default: 3306}
  Tls: {Type: String, Default: "OFF"}
  Protected: {Type: String, Default: "false"}
Resources:
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: for tests, SubnetIds: [!Ref SubnetA, !Ref SubnetC]}
  Parameters:
    Type: AWS::RDS::DBClusterParameterGroup
    Properties:
      Description: for tests
      Family: aurora-mysql8.0
      Parameters: {require_secure_transport: !Ref Tls}
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      DatabaseName: datelog
      MasterUsername: admin
      ManageMasterUserPassword: true
      Port: !Ref Port
      DBSubnetGroupName: !Ref Subnets
      DBClusterParameterGroupName: !Ref Parameters
      VpcSecurityGroupIds: [!Ref Group]
      StorageEncrypted: true
      DeletionProtection: !Ref Protected
  Writer:
    Type: AWS::RDS::DBInstance
    Properties:
      DBClusterIdentifier: !Ref Cluster
      Engine: aurora-mysql
      DBInstanceClass: db.t4g.medium
      PromotionTier: 0
  Reader:
    Type: AWS::RDS::DBInstance
    DependsOn: Writer
    Properties:
      DBClusterIdentifier: !Ref Cluster
      Engine: aurora-mysql
      DBInstanceClass: db.t4g.medium
      PromotionTier: 1
Outputs:
  Cluster: {Value: !Ref Cluster}
  Endpoint: {Value: !GetAtt Cluster.Endpoint.Address}
  ReadEndpoint: {Value: !GetAtt Cluster.ReadEndpoint.Address}
  Port: {Value: !GetAtt Cluster.Endpoint.Port}
  Secret: {Value: !GetAtt Cluster.MasterUserSecret.SecretArn}
  Writer: {Value: !Ref Writer}
  Reader: {Value: !Ref Reader}
"""


def values(network: Network, **more: str) -> dict[str, str]:
    return {"SubnetA": network.subnet_a, "SubnetC": network.subnet_c, "Group": network.group, **more}


def secret(account: Account, arn: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        account.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    )
    return found


def connect(account: Account, outputs: dict[str, str], host: str, **options: Any) -> Any:
    status = secret(account, outputs["Secret"])
    return pymysql.connect(
        host=outputs[host],
        port=int(outputs["Port"]),
        user=status["username"],
        password=status["password"],
        database="datelog",
        autocommit=True,
        **options,
    )


def cluster(account: Account, outputs: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = account.client("rds").describe_db_clusters(
        DBClusterIdentifier=outputs["Cluster"]
    )["DBClusters"][0]
    return found


def test_both_endpoints_lead_to_the_clusters_database(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network)))
    with connect(account, outputs, "Endpoint") as writer, writer.cursor() as cursor:
        cursor.execute("CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY, dt DATETIME)")
        cursor.execute("INSERT INTO seen (dt) VALUES ('2024-05-06 07:08:09')")
        cursor.execute("CREATE USER app@'%' IDENTIFIED BY 'an app''s word'")
        cursor.execute("GRANT SELECT ON datelog.* TO app@'%'")
    with connect(account, outputs, "ReadEndpoint") as reader, reader.cursor() as cursor:
        wait_until(lambda: cursor.execute("SHOW TABLES") == 1, what="the table at the reader")
        wait_until(lambda: cursor.execute("SELECT id, dt FROM seen") == 1, what="the row at the reader")
        assert [(one, str(dt)) for one, dt in cursor.fetchall()] == [(1, "2024-05-06 07:08:09")]
        with pytest.raises(pymysql.err.OperationalError, match="read-only"):
            cursor.execute("DELETE FROM seen")
    assert outputs["Endpoint"] != outputs["ReadEndpoint"]


def test_the_api_tells_the_same_as_the_template(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network)))
    found = cluster(account, outputs)
    assert (found["Endpoint"], found["ReaderEndpoint"], str(found["Port"])) == (
        outputs["Endpoint"],
        outputs["ReadEndpoint"],
        outputs["Port"],
    )
    assert found["MasterUserSecret"]["SecretArn"] == outputs["Secret"]
    assert found["AvailabilityZones"] == ["ap-northeast-1a", "ap-northeast-1c"]
    members = {one["DBInstanceIdentifier"]: one["IsClusterWriter"] for one in found["DBClusterMembers"]}
    assert members == {outputs["Writer"]: True, outputs["Reader"]: False}
    instances = account.client("rds").describe_db_instances(
        Filters=[{"Name": "db-cluster-id", "Values": [outputs["Cluster"]]}]
    )["DBInstances"]
    own = {one["Endpoint"]["Address"] for one in instances}
    assert len(own) == 2
    assert not own & {outputs["Endpoint"], outputs["ReadEndpoint"]}
    assert {one["AvailabilityZone"] for one in instances} == {"ap-northeast-1a", "ap-northeast-1c"}
    assert {one["DBSubnetGroup"]["VpcId"] for one in instances} == {network.vpc}


def test_a_template_gets_the_port_it_asks_for(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network, Port="13306")))
    assert outputs["Port"] == "13306"
    connect(account, outputs, "Endpoint").close()


def test_two_clusters_do_not_see_each_others_tables(account: Account, network: Network) -> None:
    first = account.outputs(made(account, "one", CLUSTER, **values(network)))
    second = account.outputs(made(account, "two", CLUSTER, **values(network)))
    with connect(account, first, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE mine (a INT)")
    with connect(account, second, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == ()
    status = secret(account, first["Secret"])
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(
            host=second["Endpoint"], port=3306, user=status["username"], password=status["password"]
        )


def test_a_cluster_that_wants_encryption_refuses_all_else(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network, Tls="ON")))
    unchecked = {"ssl": {"check_hostname": False, "verify_mode": "none"}}
    with connect(account, outputs, "Endpoint", **unchecked) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert cursor.fetchall()[0][1].startswith("TLS")
    with pytest.raises(pymysql.err.OperationalError, match="insecure transport"):
        connect(account, outputs, "Endpoint", ssl_disabled=True)


def test_a_rotated_secret_opens_the_database_and_the_old_word_does_not(
    account: Account, network: Network
) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network)))
    before = secret(account, outputs["Secret"])
    account.client("secretsmanager").rotate_secret(SecretId=outputs["Secret"])
    after = secret(account, outputs["Secret"])
    assert after["username"] == before["username"]
    assert after["password"] != before["password"]
    connect(account, outputs, "Endpoint").close()
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(host=outputs["Endpoint"], user="admin", password=before["password"])


def test_a_failover_swaps_writer_and_reader(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values(network)))
    account.client("rds").failover_db_cluster(DBClusterIdentifier=outputs["Cluster"])
    members = cluster(account, outputs)["DBClusterMembers"]
    assert {one["DBInstanceIdentifier"]: one["IsClusterWriter"] for one in members} == {
        outputs["Writer"]: False,
        outputs["Reader"]: True,
    }
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        account.client("rds").failover_db_cluster(
            DBClusterIdentifier=outputs["Cluster"], TargetDBInstanceIdentifier=outputs["Reader"]
        )


def test_deletion_protection_holds_until_it_is_lifted(account: Account, network: Network) -> None:
    stack = made(account, "aurora", CLUSTER, **values(network, Protected="true"))
    assert account.delete(stack) == "DELETE_FAILED"
    refused = f"Cannot delete protected Cluster {cluster_id(account)}, please disable deletion protection"
    assert any(refused in line for line in account.story(stack, of="Cluster"))
    account.client("rds").modify_db_cluster(DBClusterIdentifier=cluster_id(account), DeletionProtection=False)
    gone(account, stack)


def cluster_id(account: Account) -> str:
    return str(account.client("rds").describe_db_clusters()["DBClusters"][0]["DBClusterIdentifier"])


def test_lifting_the_protection_by_an_update_keeps_data_and_endpoint(
    account: Account, network: Network
) -> None:
    stack = made(account, "aurora", CLUSTER, **values(network, Protected="true"))
    before = account.outputs(stack)
    with connect(account, before, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (a INT)")
    changed(account, stack, CLUSTER, **values(network))
    assert account.outputs(stack) == before
    assert cluster(account, before)["DeletionProtection"] is False
    with connect(account, before, "Endpoint") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == (("kept",),)


def test_a_cluster_is_created_for_a_while(account: Account, network: Network) -> None:
    account.pace(0.05)
    stack = account.start("aurora", CLUSTER, Parameters=given(**values(network)))
    rds = account.client("rds")

    def statuses() -> list[str]:
        clusters = [one["Status"] for one in rds.describe_db_clusters()["DBClusters"]]
        return clusters + [one["DBInstanceStatus"] for one in rds.describe_db_instances()["DBInstances"]]

    wait_until(lambda: statuses() == ["creating"], what="a cluster being created")
    wait_until(lambda: statuses() == ["available", "creating"], what="an instance being created")
    account.reaches(stack, "CREATE_COMPLETE")
    assert statuses() == ["available"] * 3


def test_requests_to_the_api_reach_the_database_too(account: Account, network: Network) -> None:
    own_password = CLUSTER.replace("ManageMasterUserPassword: true", "MasterUserPassword: first word")
    own_password = own_password.replace("  Secret: {Value: !GetAtt Cluster.MasterUserSecret.SecretArn}\n", "")
    outputs = account.outputs(made(account, "aurora", own_password, **values(network)))
    pymysql.connect(host=outputs["Endpoint"], user="admin", password="first word").close()
    rds = account.client("rds")
    rds.modify_db_cluster(
        DBClusterIdentifier=outputs["Cluster"], MasterUserPassword="another word", ApplyImmediately=True
    )
    pymysql.connect(host=outputs["Endpoint"], user="admin", password="another word").close()
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        rds.delete_db_cluster(DBClusterIdentifier=outputs["Cluster"], SkipFinalSnapshot=True)
    rds.delete_db_instance(DBInstanceIdentifier=outputs["Writer"])
    members = cluster(account, outputs)["DBClusterMembers"]
    assert [(one["DBInstanceIdentifier"], one["IsClusterWriter"]) for one in members] == [
        (outputs["Reader"], True)
    ]
    rds.delete_db_instance(DBInstanceIdentifier=outputs["Reader"])
    rds.delete_db_cluster(DBClusterIdentifier=outputs["Cluster"], SkipFinalSnapshot=True)
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host=outputs["Endpoint"], user="admin", password="another word")


def test_deleting_stops_the_server_and_takes_the_secret_along(account: Account, network: Network) -> None:
    stack = made(account, "aurora", CLUSTER, **values(network))
    outputs = account.outputs(stack)
    gone(account, stack)
    rds = account.client("rds")
    assert rds.describe_db_clusters()["DBClusters"] == []
    assert rds.describe_db_instances()["DBInstances"] == []
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host=outputs["Endpoint"], port=3306, user="admin", password="x")
