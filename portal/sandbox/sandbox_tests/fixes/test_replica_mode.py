"""Instances of databases without a replica mode have an empty one."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created, unlike_aws

TEMPLATE = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-mysql, MasterUsername: admin1, MasterUserPassword: password}
  Instance:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
"""


def test_an_instance_has_no_empty_replica_mode(ministack: Account, account: Account) -> None:
    assert _faults(ministack) == ["DBInstances[].ReplicaMode has the value '', which is not in the enum"]
    assert _faults(account) == []


def _faults(account: Account) -> list[str]:
    created(account, TEMPLATE)
    return unlike_aws(account.client("rds"), "describe_db_instances")
