"""Deletion protection: the result of a failed creation, and how to delete it."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.strict.reasons import creation_failure, failures, worded

PROTECTED = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      MasterUsername: admin
      ManageMasterUserPassword: true
      DeletionProtection: true
  Last: {Type: AWS::SNS::Topic, DependsOn: Cluster}
"""
BOTH = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties:
      Engine: aurora-mysql
      MasterUsername: admin
      MasterUserPassword: not-a-secret
      ManageMasterUserPassword: true
"""


def test_a_failed_creation_with_protection_ends_in_a_failed_rollback(account: Account) -> None:
    """https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (DeleteHandler.java)"""
    account.fail(Last="No more topics.")
    stack = account.create("protected", PROTECTED)
    assert account.status(stack) == "ROLLBACK_FAILED", account.story(stack)
    (reason,) = map(worded, failures(account, stack, "Cluster", "DELETE_FAILED"))
    assert reason.text.startswith("Cannot delete protected Cluster ")
    rds = account.client("rds")
    (cluster,) = rds.describe_db_clusters()["DBClusters"]
    rds.modify_db_cluster(DBClusterIdentifier=cluster["DBClusterIdentifier"], DeletionProtection=False)
    assert account.delete(stack) == "DELETE_COMPLETE", account.story(stack)
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_a_managed_password_excludes_one_of_ones_own(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html"""
    reason = creation_failure(account, BOTH, "Cluster")
    assert "MasterUserPassword when ManageMasterUserPassword" in reason.text
