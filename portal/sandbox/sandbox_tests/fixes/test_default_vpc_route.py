"""The main route table of the default VPC has no route to its internet gateway."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account


def test_the_default_vpc_leads_to_the_internet(ministack: Account, account: Account) -> None:
    assert _destinations(ministack) == ["172.31.0.0/16"]
    assert _destinations(account) == ["172.31.0.0/16", "0.0.0.0/0"]


def _destinations(account: Account) -> list[str]:
    ec2 = account.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    filters = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return [route["DestinationCidrBlock"] for route in table["Routes"]]
