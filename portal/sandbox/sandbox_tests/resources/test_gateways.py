"""Internet gateways and NAT gateways that are taken away by EC2's API, and the routes that led to them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import NETWORK, Network, changed
from sandbox_tests.resources.test_instances import run

ANYWHERE = "0.0.0.0/0"


def routes(ec2: Any, vpc: str) -> dict[str, str]:
    """Return the states of a VPC's routes to the internet, by their targets."""
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return {
        route.get("NatGatewayId") or route["GatewayId"]: route["State"]
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == ANYWHERE
    }


def gateway_of(ec2: Any, vpc: str) -> str:
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    (gateway,) = ec2.describe_internet_gateways(Filters=filters)["InternetGateways"]
    return str(gateway["InternetGatewayId"])


def nat_gateway(ec2: Any, subnet: str) -> tuple[str, str]:
    """Create a NAT gateway; return its id and that of its address."""
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    created = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    assert created["State"] == "pending"
    wait_until(lambda: state(ec2, created["NatGatewayId"]) == "available", what="the gateway")
    return created["NatGatewayId"], address


def state(ec2: Any, gateway: str) -> str:
    (found,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    return str(found["State"])


def test_a_gateway_stays_attached_while_public_addresses_need_it(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html"""
    ec2 = account.client("ec2")
    instance = run(account, network)["InstanceId"]
    (interface,) = ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
    )["NetworkInterfaces"]
    assert interface["Association"]["IpOwnerId"] == "amazon"
    gateway = gateway_of(ec2, network.vpc)
    both = {"InternetGatewayId": gateway, "VpcId": network.vpc}
    with pytest.raises(ClientError, match="mapped public address") as refused:
        ec2.detach_internet_gateway(**both)
    assert refused.value.response["Error"]["Code"] == "DependencyViolation"
    assert outcome(ec2, "delete_internet_gateway", InternetGatewayId=gateway) == "DependencyViolation"

    ec2.terminate_instances(InstanceIds=[instance])
    assert outcome(ec2, "detach_internet_gateway", **both) == DONE
    assert routes(ec2, network.vpc) == {gateway: "blackhole"}
    assert outcome(ec2, "detach_internet_gateway", **both) == "Gateway.NotAttached"
    ec2.attach_internet_gateway(**both)
    assert routes(ec2, network.vpc) == {gateway: "active"}


def test_a_vpc_has_one_internet_gateway(account: Account, network: Network) -> None:
    ec2 = account.client("ec2")
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    attach = outcome(ec2, "attach_internet_gateway", InternetGatewayId=second, VpcId=network.vpc)
    assert attach == "InvalidParameterValue"
    unknown = outcome(ec2, "attach_internet_gateway", InternetGatewayId=second, VpcId="vpc-0")
    assert unknown == "InvalidVpcID.NotFound"
    missing = outcome(ec2, "detach_internet_gateway", InternetGatewayId="igw-0", VpcId=network.vpc)
    assert missing == "InvalidInternetGatewayID.NotFound"
    assert outcome(ec2, "delete_internet_gateway", InternetGatewayId=second) == DONE


def test_a_stack_cannot_detach_its_gateway_from_under_a_public_address(
    account: Account, network: Network
) -> None:
    instance = run(account, network)["InstanceId"]
    less = NETWORK.replace("DependsOn: Attachment", "").replace(
        """  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}
""",
        "",
    )
    changed(account, network.stack, less)
    events = "".join(account.story(network.stack))
    assert "mapped public address" in events
    ec2 = account.client("ec2")
    assert gateway_of(ec2, network.vpc)  # what cannot be deleted is left
    ec2.terminate_instances(InstanceIds=[instance])


def test_a_deleted_nat_gateway_leaves_a_blackhole_and_frees_its_address(
    account: Account, network: Network
) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html"""
    ec2 = account.client("ec2")
    gateway, address = nat_gateway(ec2, network.subnet_a)
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    key = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE}
    ec2.create_route(**key, NatGatewayId=gateway)
    assert routes(ec2, network.vpc)[gateway] == "active"
    account.pace(1)
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert state(ec2, gateway) == "deleting"
    assert routes(ec2, network.vpc)[gateway] == "blackhole"
    (held,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert held["AssociationId"]
    account.pace(0)
    wait_until(lambda: state(ec2, gateway) == "deleted", what="the end of the gateway")
    (freed,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert not freed.get("AssociationId")
    assert outcome(ec2, "create_route", **key, NatGatewayId=gateway) == "InvalidNatGatewayID.NotFound"

    again = ec2.create_nat_gateway(SubnetId=network.subnet_a, AllocationId=address)["NatGateway"]
    ec2.replace_route(**key, NatGatewayId=again["NatGatewayId"])
    wait_until(lambda: state(ec2, again["NatGatewayId"]) == "available", what="the new gateway")
    assert routes(ec2, network.vpc)[again["NatGatewayId"]] == "active"


def test_a_route_leads_to_a_gateway_of_its_own_vpc(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html"""
    ec2 = account.client("ec2")
    loose = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    key = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE}
    assert outcome(ec2, "create_route", **key, GatewayId=loose) == "InvalidParameterValue"
    assert outcome(ec2, "create_route", **key, GatewayId="igw-0") == "InvalidGatewayID.NotFound"
