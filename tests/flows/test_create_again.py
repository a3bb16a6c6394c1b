"""A deleted environment is created again with its data, under another name, from its page.

Everything except AWS is real: the worker, the dispatcher, the web process, Chromium, the sandbox and MariaDB.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pymysql
import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.flows.small_set import MANIFEST, portal, portal_web, shared_portal, template_folder
from tests.flows.test_pages import faults
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox

pytestmark = pytest.mark.timeout(400)
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]
SOON = LIMIT * 1000
ROOT = """
Description: A database that leaves a final snapshot
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Retention: {Type: Number, Default: 1}
  Data: {Type: String, Default: ""}
Conditions:
  IsRestored: !Not [!Equals [!Ref Data, ""]]
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Select [0, !GetAZs ""]}
  SubnetC:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: !Select [1, !GetAZs ""]}
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: both, SubnetIds: [!Ref SubnetA, !Ref SubnetC]}
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Snapshot
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      SnapshotIdentifier: !If [IsRestored, !Ref Data, !Ref AWS::NoValue]
      MasterUsername: !If [IsRestored, !Ref AWS::NoValue, root]
      DatabaseName: !If [IsRestored, !Ref AWS::NoValue, shop]
      StorageEncrypted: !If [IsRestored, !Ref AWS::NoValue, true]
      ManageMasterUserPassword: true
      BackupRetentionPeriod: !Ref Retention
      DBSubnetGroupName: !Ref Subnets
      CopyTagsToSnapshot: true
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {DBClusterIdentifier: !Ref Cluster, Engine: aurora-mysql, DBInstanceClass: db.t4g.medium}
Outputs:
  Host: {Value: !GetAtt Cluster.Endpoint.Address}
  Port: {Value: !GetAtt Cluster.Endpoint.Port}
  Secret: {Value: !GetAtt Cluster.MasterUserSecret.SecretArn}
"""
TEMPLATES = {"root.yaml": ROOT, "template-set.yaml": f"{MANIFEST}snapshot_parameter: Data\n"}


def ended(portal: Portal, deployment: Deployment) -> Environment:
    """Wait for the end of a deployment that succeeds, and return its environment."""
    (found,) = portal.wait_for_end(deployment, seconds=3 * LIMIT)
    assert found.state == "succeeded", reason(found)
    return Environment.objects.get(pk=found.environment_id)


def entries(environment: Environment, sandbox: Sandbox, *new: str) -> list[str]:
    """Write entries into an environment's database, and return all that it has."""
    outputs = environment.outputs
    secrets = client(environment.account, "secretsmanager", sandbox)
    login: dict[str, Any] = json.loads(secrets.get_secret_value(SecretId=outputs["Secret"])["SecretString"])
    with (
        pymysql.connect(
            host=outputs["Host"],
            port=int(outputs["Port"]),
            user=login["username"],
            password=login["password"],
            database="shop",
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE IF NOT EXISTS entries (text VARCHAR(50) PRIMARY KEY)")
        for text in new:
            cursor.execute("INSERT INTO entries VALUES (%s)", (text,))
        cursor.execute("SELECT text FROM entries ORDER BY text")
        return [text for (text,) in cursor.fetchall()]


def test_a_deleted_environment_is_created_again_with_its_data_under_another_name(
    portal: Portal, sandbox: Sandbox, own_page: Page
) -> None:
    first = ended(portal, portal.deploy(account=new_account(), Retention="3"))
    assert entries(first, sandbox, "first", "second") == ["first", "second"]
    assert ended(portal, portal.remove(Deployment.objects.get(environment=first))).deleted_at

    own_page.goto(first.get_absolute_url())
    data = own_page.locator("#kept-data")
    expect(data.get_by_role("row")).to_have_count(2, timeout=SOON)  # the head and the final snapshot
    assert faults(own_page) == []
    data.get_by_role("link", name="Create again with this data").click()

    expect(own_page.locator("#restored-from")).to_contain_text("The database is restored from the snapshot")
    expect(own_page.get_by_label("Name", exact=True)).to_have_value("staging")
    expect(own_page.get_by_label("Retention")).to_have_value("3")
    assert faults(own_page) == []
    own_page.get_by_label("Name", exact=True).fill("again")
    own_page.get_by_role("button", name="Deploy").click()
    own_page.wait_for_url(re.compile(r"/deployments/\d+/"))

    again = ended(portal, Deployment.objects.get(environment__name="again"))
    assert entries(again, sandbox, "third") == ["first", "second", "third"]
    own_page.goto(f"{again.get_absolute_url()}change")
    expect(own_page.locator("#id_parameter_Data")).to_be_disabled()
