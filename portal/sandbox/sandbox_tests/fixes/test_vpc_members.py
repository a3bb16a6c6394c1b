"""Responses about VPCs have members that EC2 does not send."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import unlike_aws


def test_a_vpc_has_the_members_of_aws_alone(ministack: Account, account: Account) -> None:
    assert _faults(ministack)[0] == "vpcSet[].defaultNetworkAclId is unknown"
    assert _faults(account) == []


def _faults(account: Account) -> list[str]:
    account.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    return unlike_aws(account.client("ec2"), "describe_vpcs")
