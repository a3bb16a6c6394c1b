"""A network for a test: subnets, a security group, and load balancers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox_tests.engine.conftest import REGION, Account


@dataclass(frozen=True)
class Network:
    """The client and the ids of a network."""

    ec2: Any
    vpc: str
    subnet: str
    group: str


def network(account: Account) -> Network:
    """Create a VPC with a subnet and a security group without inbound rules."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="group", Description="for tests", VpcId=vpc)["GroupId"]
    return Network(ec2, vpc, subnet, group)


def rule(port: int, *sources: str) -> dict[str, Any]:
    """Return a permission for TCP connections to a port."""
    ranges = [{"CidrIp": source} for source in sources]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}


@dataclass(frozen=True)
class Balancers:
    """The client, and the ARNs of two application load balancers and of an unused target group."""

    elbv2: Any
    load_balancers: tuple[str, str]
    target_group: str

    def listen(self, load_balancer: str) -> dict[str, Any]:
        """Return the parameters of a listener that forwards to the target group."""
        action = {"Type": "forward", "TargetGroupArn": self.target_group}
        return {
            "LoadBalancerArn": load_balancer,
            "Protocol": "HTTP",
            "Port": 80,
            "DefaultActions": [action],
        }


def balancers(account: Account) -> Balancers:
    """Create two application load balancers and a target group."""
    ec2, elbv2 = account.client("ec2"), account.client("elbv2")
    account.client("iam").create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for number, zone in enumerate("ac")
    ]
    first, second = (
        elbv2.create_load_balancer(Name=name, Subnets=subnets, Scheme="internal")["LoadBalancers"][0]
        for name in ("first", "second")
    )
    (group,) = elbv2.create_target_group(Name="group", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"]
    return Balancers(elbv2, (first["LoadBalancerArn"], second["LoadBalancerArn"]), group["TargetGroupArn"])
