"""Elastic IP addresses and NAT gateways."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network, changed, failure, gone, made

GATEWAY = """
Parameters:
  Subnet: {Type: AWS::EC2::Subnet::Id}
  Name: {Type: String, Default: first}
Resources:
  Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc, Tags: [{Key: Name, Value: !Ref Name}]}}
  Gateway:
    Type: AWS::EC2::NatGateway
    Properties:
      AllocationId: !GetAtt Address.AllocationId
      SubnetId: !Ref Subnet
      Tags: [{Key: Name, Value: !Ref Name}]
Outputs:
  Address: {Value: !Ref Address}
  Allocation: {Value: !GetAtt Address.AllocationId}
  Gateway: {Value: !Ref Gateway}
"""


def test_a_nat_gateway_shows_the_addresses_it_answers_from(account: Account, network: Network) -> None:
    outputs = account.outputs(made(account, "nat", GATEWAY, Subnet=network.subnet_a))
    ec2 = account.client("ec2")
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Gateway"]])["NatGateways"]
    (address,) = gateway["NatGatewayAddresses"]
    assert gateway["State"] == "available"
    assert gateway["VpcId"] == network.vpc
    assert address["PublicIp"] == outputs["Address"]
    assert address["AllocationId"] == outputs["Allocation"]
    assert address["PrivateIp"].startswith("10.0.1.")
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert interface["Description"] == f"Interface for NAT Gateway {outputs['Gateway']}"
    assert interface["Association"]["PublicIp"] == outputs["Address"]
    (elastic,) = ec2.describe_addresses(PublicIps=[], AllocationIds=[outputs["Allocation"]])["Addresses"]
    assert elastic["NetworkInterfaceId"] == address["NetworkInterfaceId"]


def test_new_tags_leave_a_nat_gateway_where_it_is(account: Account, network: Network) -> None:
    stack = made(account, "nat", GATEWAY, Subnet=network.subnet_a)
    before = account.outputs(stack)
    changed(account, stack, GATEWAY, Subnet=network.subnet_a, Name="second")
    assert account.outputs(stack) == before
    found = account.client("ec2").describe_nat_gateways(Filters=[{"Name": "tag:Name", "Values": ["second"]}])
    assert [one["NatGatewayId"] for one in found["NatGateways"]] == [before["Gateway"]]


def test_an_address_in_use_cannot_serve_a_second_gateway(account: Account, network: Network) -> None:
    allocation = account.outputs(made(account, "nat", GATEWAY, Subnet=network.subnet_a))["Allocation"]
    with pytest.raises(ClientError, match=r"Resource\.AlreadyAssociated"):
        account.client("ec2").create_nat_gateway(SubnetId=network.subnet_c, AllocationId=allocation)


def test_a_gateway_in_an_unknown_subnet_fails_its_stack(account: Account) -> None:
    unchecked = GATEWAY.replace("AWS::EC2::Subnet::Id", "String")
    reason = failure(account, "nat", unchecked, "Gateway", Subnet="subnet-0123456789abcdef0")
    assert "The subnet ID 'subnet-0123456789abcdef0' does not exist" in reason


def test_deleting_gives_address_and_interface_back(account: Account, network: Network) -> None:
    gone(account, made(account, "nat", GATEWAY, Subnet=network.subnet_a))
    ec2 = account.client("ec2")
    assert ec2.describe_addresses()["Addresses"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert {one["State"] for one in ec2.describe_nat_gateways()["NatGateways"]} == {"deleted"}
