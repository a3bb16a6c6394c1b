"""Default security groups have no inbound rule."""

from __future__ import annotations

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created

VPC = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
Outputs:
  Vpc: {Value: !Ref Vpc}
"""


def test_the_default_group_admits_its_own_members(ministack: Account, account: Account) -> None:
    assert _admitted(ministack) == []
    assert _admitted(account) == ["itself"]


@pytest.mark.parametrize("kind", ["default", "stack"])
def test_so_do_those_of_the_default_vpc_and_of_stacks(account: Account, kind: str) -> None:
    vpc = created(account, VPC)["Vpc"] if kind == "stack" else _default_vpc(account)
    assert _rules(account, vpc) == ["itself"]


def _admitted(account: Account) -> list[str]:
    return _rules(account, account.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def _default_vpc(account: Account) -> str:
    (vpc,) = account.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return str(vpc["VpcId"])


def _rules(account: Account, vpc: str) -> list[str]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    groups = account.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    (group,) = [one for one in groups if one["VpcId"] == vpc and one["GroupName"] == "default"]
    return [
        "itself" if pair["GroupId"] == group["GroupId"] else pair["GroupId"]
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
        if rule["IpProtocol"] == "-1"
    ]
