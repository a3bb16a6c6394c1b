"""Aurora: available versions and instance classes, backup retention periods, and zones."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network
from sandbox_tests.strict.reasons import creation_failure

CLUSTER = """
Parameters:
  Version: {Type: String, Default: 8.0.mysql_aurora.3.10.6}
  Class: {Type: String, Default: db.t4g.medium}
  Days: {Type: Number, Default: 7}
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      EngineVersion: !Ref Version
      MasterUsername: admin
      ManageMasterUserPassword: true
      BackupRetentionPeriod: !Ref Days
  Instance:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: !Ref Class}
"""
SUBNETS = """
Parameters: {Subnet: {Type: String}}
Resources:
  Group:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: one zone, SubnetIds: [!Ref Subnet]}
"""


@pytest.mark.parametrize("version", ["8.0.mysql_aurora.3.99.9", "8.0.mysql_aurora.3.01.0"])
def test_a_version_that_is_not_offered_cannot_be_created(account: Account, version: str) -> None:
    """https://github.com/terraform-aws-modules/terraform-aws-rds-aurora/issues/345"""
    reason = creation_failure(account, CLUSTER, "Cluster", Version=version)
    assert reason.text == f"Cannot find version {version} for aurora-mysql"
    assert (reason.service, reason.status, reason.code) == ("Rds", 400, "InvalidRequest")
    with pytest.raises(ClientError, match="Cannot find version"):
        account.client("rds").create_db_cluster(
            DBClusterIdentifier="by-hand", Engine="aurora-mysql", EngineVersion=version
        )


def test_an_instance_class_must_support_the_engine(account: Account) -> None:
    """https://github.com/aws-cloudformation/cfn-lint/issues/4048"""
    reason = creation_failure(account, CLUSTER, "Instance", Class="db.t3.micro")
    assert reason.text.startswith(
        "RDS does not support creating a DB instance with the following combination: "
        "DBInstanceClass=db.t3.micro, Engine=aurora-mysql, EngineVersion=8.0.mysql_aurora.3.10.6"
    )
    assert (reason.service, reason.code) == ("Rds", "InvalidRequest")


@pytest.mark.parametrize("days", ["0", "36"])
def test_backups_are_kept_1_to_35_days(account: Account, days: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html"""
    reason = creation_failure(account, CLUSTER, "Cluster", Days=days)
    assert "between 1 and 35" in reason.text


def test_a_subnet_group_covers_two_zones(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html"""
    reason = creation_failure(account, SUBNETS, "Group", Subnet=network.subnet_a)
    assert reason.text.startswith(
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement."
    )
    with pytest.raises(ClientError, match="DBSubnetGroupDoesNotCoverEnoughAZs"):
        account.client("rds").create_db_subnet_group(
            DBSubnetGroupName="one-zone", DBSubnetGroupDescription="one", SubnetIds=[network.subnet_a]
        )
