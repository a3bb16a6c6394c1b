"""Drills of a real database: the worker, the dispatcher, the sandbox and its MariaDB."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from deployments.access.models.audit_records import AuditRecord
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text, stored_text
from deployments.environments.models.environments import Environment
from deployments.recovery.commands import delete
from deployments.restore_drills.commands import request_drill
from deployments.restore_drills.models import FINISHED, RestoreDrill
from tests.flows.small_set import portal, shared_portal, template_folder
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = pytest.mark.timeout(600)
__all__ = ["portal", "shared_portal", "template_folder"]
ROOT = """
Description: A database
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Peer: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}  # not the database's
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
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      MasterUsername: root
      DatabaseName: shop
      StorageEncrypted: true
      ManageMasterUserPassword: true
      DBSubnetGroupName: !Ref Subnets
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {DBClusterIdentifier: !Ref Cluster, Engine: aurora-mysql, DBInstanceClass: db.t4g.medium}
"""
TEMPLATES = {"root.yaml": ROOT}


@pytest.fixture
def shop(portal: Portal) -> Environment:
    """A deployed environment whose database is observed and can be restored."""
    (ended,) = portal.wait_for_end(portal.deploy(account=new_account()), seconds=3 * LIMIT)
    assert ended.state == "succeeded", reason(ended)
    environment = Environment.objects.get(pk=ended.environment_id)

    def is_restorable() -> bool:
        row = environment.clusters.first()
        earliest, latest = (row.earliest_restorable_at, row.latest_restorable_at) if row else (None, None)
        return bool(earliest and latest and (latest - earliest).total_seconds() > 2)

    wait_until(is_restorable, what="a restorable time", seconds=2 * LIMIT)
    return environment


def finished(drill: RestoreDrill) -> RestoreDrill:
    """Return a drill once its stack is gone."""
    wait_until(lambda: found(drill).state == FINISHED, what="the end of the drill", seconds=4 * LIMIT)
    return found(drill)


def found(drill: RestoreDrill) -> RestoreDrill:
    return RestoreDrill.objects.get(pk=drill.pk)


def clusters(environment: Environment, sandbox: Sandbox) -> set[str]:
    rows: list[Any] = client(environment.account, "rds", sandbox).describe_db_clusters()["DBClusters"]
    return {row["DBClusterIdentifier"] for row in rows}


def stacks(environment: Environment, sandbox: Sandbox) -> set[str]:
    """Return the names of the stacks that exist."""
    found = client(environment.account, "cloudformation", sandbox).describe_stacks()["Stacks"]
    return {row["StackName"] for row in found}


def test_a_drill_restores_a_copy_times_it_and_leaves_nothing(
    portal: Portal, sandbox: Sandbox, shop: Environment
) -> None:
    before = clusters(shop, sandbox), stacks(shop, sandbox)

    drill = request_drill(user=shop.owner, environment=shop)
    assert request_drill(user=shop.owner, environment=shop) == drill
    with pytest.raises(UserFixable) as refused:
        delete.request_deletion(
            user=shop.owner,
            environment=shop,
            typed_name=shop.name,
            unprotect=True,
            reason="",
            request_key=uuid.uuid4(),
        )
    assert "restore drill" in error_text(refused.value)
    done = finished(drill)

    text = stored_text(done.sentence)
    assert (done.result, done.snapshot_id) == ("passed", ""), text
    assert "engine version 8.0.mysql_aurora.3.10.6" in text
    assert "Its tables were not read" in text
    assert done.rpo is not None
    assert done.rto is not None
    assert done.rpo.total_seconds() > 0
    assert done.rto.total_seconds() > 0
    assert (clusters(shop, sandbox), stacks(shop, sandbox)) == before
    assert AuditRecord.objects.filter(action="restore_drill").count() == 1
