"""DescribeVpcEndpoints ignores filters."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account


def test_an_endpoint_is_found_by_its_type_alone(ministack: Account, account: Account) -> None:
    assert _finds_another_type(ministack)
    assert not _finds_another_type(account)


def _finds_another_type(account: Account) -> bool:
    """Create an endpoint of the type Gateway and search for one of the type Interface."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.ap-northeast-1.s3")
    filters = [{"Name": "vpc-endpoint-type", "Values": ["Interface"]}]
    return bool(ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"])
