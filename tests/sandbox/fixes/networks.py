"""A network of a test: a subnet and a security group in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sandbox.engine.conftest import Account


@dataclass(frozen=True)
class Network:
    """The client and the ids of a network."""

    ec2: Any
    vpc: str
    subnet: str
    group: str


def network(account: Account) -> Network:
    """Create a VPC with a subnet and a security group without rules for what comes in."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="group", Description="for tests", VpcId=vpc)["GroupId"]
    return Network(ec2, vpc, subnet, group)


def rule(port: int, *sources: str) -> dict[str, Any]:
    """Return a permission for TCP connections to a port."""
    ranges = [{"CidrIp": source} for source in sources]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}
