"""Network interfaces: their addresses and every way to look them up."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network


def interface(account: Account, subnet: str, **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = account.client("ec2").create_network_interface(SubnetId=subnet, **options)[
        "NetworkInterface"
    ]
    return made


def found(account: Account, **filters: str) -> list[str]:
    listed = [
        {"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]}
        for name, value in filters.items()
    ]
    answer = account.client("ec2").describe_network_interfaces(Filters=listed)
    return [one["Description"] for one in answer["NetworkInterfaces"]]


def test_addresses_come_from_the_subnet_each_once(account: Account, network: Network) -> None:
    made = [interface(account, network.subnet_c)["PrivateIpAddress"] for _number in range(3)]
    assert made == ["10.0.2.4", "10.0.2.5", "10.0.2.6"]


def test_every_filter_finds_what_it_should(account: Account, network: Network) -> None:
    interface(account, network.subnet_a, Description="ELB net/site/0123", Groups=[network.group])
    interface(account, network.subnet_c, Description="ELB net/site-blue/4567")
    assert found(account, description="ELB net/site/0123") == ["ELB net/site/0123"]
    assert found(account, description="*site*") == ["ELB net/site/0123", "ELB net/site-blue/4567"]
    assert found(account, description="ELB net/site/????") == ["ELB net/site/0123"]
    assert found(account, subnet_id=network.subnet_c) == ["ELB net/site-blue/4567"]
    assert found(account, vpc_id=network.vpc, group_id=network.group) == ["ELB net/site/0123"]
    assert found(account, addresses__private_ip_address="10.0.2.4") == ["ELB net/site-blue/4567"]
    assert found(account, availability_zone="ap-northeast-1a") == ["ELB net/site/0123"]
    assert found(account, description="*", vpc_id="vpc-0123456789abcdef0") == []


def test_a_filter_that_ec2_does_not_know_is_refused(account: Account, network: Network) -> None:
    interface(account, network.subnet_a)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        found(account, colour="blue")


def test_an_unknown_interface_or_subnet_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID\.NotFound"):
        account.client("ec2").describe_network_interfaces(NetworkInterfaceIds=["eni-0123456789abcdef0"])
    with pytest.raises(ClientError, match=r"InvalidSubnetID\.NotFound"):
        interface(account, "subnet-0123456789abcdef0")


def test_a_full_subnet_says_so(account: Account, network: Network) -> None:
    ec2 = account.client("ec2")
    small = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.0/29")["Subnet"]["SubnetId"]
    for _number in range(3):
        interface(account, small)
    with pytest.raises(ClientError, match="not enough free addresses"):
        interface(account, small)
