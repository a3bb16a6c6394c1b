"""Database clusters do not get the tags of their stack."""

from __future__ import annotations

from tests.sandbox.engine.conftest import Account
from tests.sandbox.fixes.conftest import created

TEMPLATE = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-postgresql, MasterUsername: admin1, MasterUserPassword: password}
"""


def test_a_cluster_has_the_tags_of_its_stack(ministack: Account, account: Account) -> None:
    assert "Team" not in _tags(ministack)
    assert "Team" in _tags(account)


def _tags(account: Account) -> list[str]:
    created(account, TEMPLATE, Tags=[{"Key": "Team", "Value": "web"}])
    (cluster,) = account.client("rds").describe_db_clusters()["DBClusters"]
    return [tag["Key"] for tag in cluster["TagList"]]
