"""The portal and the sandbox read the same rules, routes and entries from the same descriptions of EC2."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest

from deployments.aws import described_network
from sanso_sandbox.services.ec2 import reach

Row = dict[str, Any]
PERMISSIONS: list[Row] = [
    {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-1"}]},
    {
        "IpProtocol": "tcp",
        "FromPort": 1024,
        "ToPort": 65535,
        "IpRanges": [{"CidrIp": "10.0.0.0/16", "Description": "VPC"}, {"CidrIp": "192.0.2.0/24"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
    },
]
ROUTES: list[Row] = [
    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
    {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"},
    {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"},
    {"DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"},
    {"DestinationCidrBlock": "10.2.0.0/16", "TransitGatewayId": "tgw-1", "State": "active"},
    {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0", "State": "blackhole"},
    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0", "State": "blackhole"},
]
ENTRIES: list[Row] = [
    {"RuleNumber": 100, "Egress": False, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"},
    {
        "RuleNumber": 110,
        "Egress": True,
        "RuleAction": "deny",
        "Protocol": "6",
        "PortRange": {"From": 22, "To": 23},
        "Ipv6CidrBlock": "::/0",
    },
]


def values(read: Iterable[Any]) -> list[dict[str, Any]]:
    """Return what was read without its class, of which each program has its own."""
    return [asdict(one) for one in read]


@pytest.mark.parametrize("row", PERMISSIONS)
def test_rules_are_read_alike(row: Row) -> None:
    assert values(reach._rules([row])) == values(described_network._rules([row])) != []


@pytest.mark.parametrize("row", ROUTES)
def test_routes_are_read_alike(row: Row) -> None:
    """The gateways of blackholes do not exist in the sandbox's records."""
    assert values(reach._routes([row], "vpc-0")) == values(described_network._routes([row]))


@pytest.mark.parametrize("row", ENTRIES)
def test_entries_of_network_acls_are_read_alike(row: Row) -> None:
    assert values(reach._entries([row])) == values(described_network._entries([row]))
