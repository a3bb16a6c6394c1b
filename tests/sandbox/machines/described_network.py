"""The network of a deployed environment as EC2's API describes it, in the values of decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployments.core.reachability.network import (
    LAST_PORT,
    AclEntry,
    Endpoint,
    GroupRule,
    NatGateway,
    Network,
    Node,
    Route,
    SecurityGroup,
    Subnet,
)

Shape = dict[str, Any]


def described(ec2: Any, vpc: str) -> Network:
    """Return the network of a VPC."""
    within = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}
    groups = ec2.describe_security_groups(**within)["SecurityGroups"]
    tables = ec2.describe_route_tables(**within)["RouteTables"]
    acls = ec2.describe_network_acls(**within)["NetworkAcls"]
    interfaces = ec2.describe_network_interfaces(**within)["NetworkInterfaces"]
    gateways = ec2.describe_internet_gateways()["InternetGateways"]
    by_id = {one["NetworkInterfaceId"]: one for one in interfaces}
    return Network(
        groups={
            one["GroupId"]: SecurityGroup(
                id=one["GroupId"],
                name=_tag(one, "Name"),
                ingress=tuple(_rules(one["IpPermissions"])),
                egress=tuple(_rules(one["IpPermissionsEgress"])),
            )
            for one in groups
        },
        subnets=_subnets(ec2.describe_subnets(**within)["Subnets"], tables, acls),
        tables={one["RouteTableId"]: tuple(_routes(one["Routes"])) for one in tables},
        acls={one["NetworkAclId"]: tuple(_entries(one["Entries"])) for one in acls},
        gateways={
            one["InternetGatewayId"]: attached["VpcId"] for one in gateways for attached in one["Attachments"]
        },
        nat_gateways={
            one["NatGatewayId"]: NatGateway(
                id=one["NatGatewayId"],
                node=node(by_id[one["NatGatewayAddresses"][0]["NetworkInterfaceId"]], public=True),
                available=one["State"] == "available",
            )
            for one in ec2.describe_nat_gateways(**within)["NatGateways"]
        },
        endpoints=tuple(
            Endpoint(
                id=one["VpcEndpointId"],
                vpc=vpc,
                service=one["ServiceName"].rpartition(".")[2],
                tables=tuple(one["RouteTableIds"]),
            )
            for one in ec2.describe_vpc_endpoints(**within)["VpcEndpoints"]
        ),
    )


def node(interface: Shape, *, public: bool = False) -> Node:
    return Node(
        address=interface["PrivateIpAddress"],
        subnet=interface["SubnetId"],
        groups=tuple(group["GroupId"] for group in interface["Groups"]),
        public=public,
    )


def name_of(resource: Shape) -> str:
    return _tag(resource, "Name")


def _tag(resource: Shape, key: str) -> str:
    return next((str(tag["Value"]) for tag in resource.get("Tags", ()) if tag["Key"] == key), "")


def _rules(permissions: list[Shape]) -> Iterator[GroupRule]:
    for one in permissions:
        peers = [
            *(each["CidrIp"] for each in one["IpRanges"]),
            *(each["GroupId"] for each in one["UserIdGroupPairs"]),
        ]
        first, last = one.get("FromPort", 0), one.get("ToPort", LAST_PORT)
        yield from (
            GroupRule(protocol=one["IpProtocol"], first=first, last=last, peer=peer) for peer in peers
        )


def _subnets(subnets: list[Shape], tables: list[Shape], acls: list[Shape]) -> dict[str, Subnet]:
    table_of = {
        association["SubnetId"]: one["RouteTableId"]
        for one in tables
        for association in one["Associations"]
        if "SubnetId" in association
    }
    (acl,) = [one["NetworkAclId"] for one in acls if one["IsDefault"]]
    return {
        one["SubnetId"]: Subnet(
            id=one["SubnetId"],
            vpc=one["VpcId"],
            zone=one["AvailabilityZone"],
            table=table_of[one["SubnetId"]],
            acl=acl,
        )
        for one in subnets
    }


def _routes(routes: list[Shape]) -> Iterator[Route]:
    for one in routes:
        if destination := one.get("DestinationCidrBlock"):
            yield Route(
                destination=destination,
                target=one.get("NatGatewayId") or one.get("GatewayId", ""),
                active=one["State"] == "active",
            )


def _entries(entries: list[Shape]) -> Iterator[AclEntry]:
    for one in entries:
        yield AclEntry(
            number=one["RuleNumber"],
            egress=one["Egress"],
            allows=one["RuleAction"] == "allow",
            protocol=one["Protocol"],
            range=one["CidrBlock"],
        )
