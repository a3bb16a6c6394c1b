"""RDS accepts subnet groups in a single zone."""

from __future__ import annotations

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.fixes.conftest import DONE, outcome


def test_a_subnet_group_covers_two_zones(ministack: Account, account: Account) -> None:
    assert _create_in_one_zone(ministack) == DONE
    assert _create_in_one_zone(account) == "DBSubnetGroupDoesNotCoverEnoughAZs"


def _create_in_one_zone(account: Account) -> str:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=f"{REGION}a")["Subnet"]
    return outcome(
        account.client("rds"),
        "create_db_subnet_group",
        DBSubnetGroupName="one-zone",
        DBSubnetGroupDescription="a single zone",
        SubnetIds=[subnet["SubnetId"]],
    )
