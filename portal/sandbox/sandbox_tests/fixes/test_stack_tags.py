"""Resources of some types do not get the tags of their stack."""

from __future__ import annotations

from ministack.services.cloudformation import provisioners

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created
from sanso_sandbox.aws_permissions import handlers
from sanso_sandbox.aws_permissions.kinds import KINDS
from sanso_sandbox.engine.fixes import stack_tags

TEMPLATE = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-postgresql, MasterUsername: admin1, MasterUserPassword: password}
"""
ADDRESS = "Resources: {Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}}"


def test_a_cluster_has_the_tags_of_its_stack(ministack: Account, account: Account) -> None:
    assert "Team" not in _tags(ministack)
    assert "Team" in _tags(account)


def test_an_address_has_the_tags_of_its_stack(account: Account) -> None:
    created(account, ADDRESS, Tags=[{"Key": "Team", "Value": "web"}])

    tags = account.client("ec2").describe_tags(Filters=[{"Name": "resource-type", "Values": ["elastic-ip"]}])

    assert "Team" in [tag["Key"] for tag in tags["Tags"]]


def test_every_type_of_the_bundled_set_that_takes_tags_gets_those_of_its_stack() -> None:
    named = {*provisioners._STACK_TAG_PROPERTY, *stack_tags.TYPES}

    assert [one for one in KINDS if handlers.tags_at_creation(one) and one not in named] == []


def _tags(account: Account) -> list[str]:
    created(account, TEMPLATE, Tags=[{"Key": "Team", "Value": "web"}])
    (cluster,) = account.client("rds").describe_db_clusters()["DBClusters"]
    return [tag["Key"] for tag in cluster["TagList"]]
