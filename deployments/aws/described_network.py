"""The network of a VPC, from EC2's descriptions to the values that decide about connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployments.aws.error_mapping import calling
from deployments.aws.reachability.network import (
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

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

Row = Mapping[str, Any]
_TARGETS = (
    *("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId"),
    *("EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId", "InstanceId"),
)
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedNetwork:
    """A VPC's network, and the interfaces in it: of instances by their id, of others by their description."""

    network: Network
    instances: Mapping[str, Node] = field(default_factory=dict)
    others: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


def read(client: EC2Client, vpc_id: str) -> DescribedNetwork:
    """Return the network of a VPC, in eight calls; more if there are many interfaces or groups."""
    within = [{"Name": "vpc-id", "Values": [vpc_id]}]

    def rows(
        call: AbstractContextManager[None], operation: str, filters: Sequence[Mapping[str, Any]] = within
    ) -> list[Row]:
        member = "".join(part.capitalize() for part in operation.split("_")[1:])
        paginator: Any = client.get_paginator(operation)  # type: ignore[call-overload]  # by its name
        with call:
            return [row for page in paginator.paginate(Filters=filters) for row in page.get(member, ())]

    interfaces = rows(calling("ec2:DescribeNetworkInterfaces"), "describe_network_interfaces")
    groups = rows(calling("ec2:DescribeSecurityGroups"), "describe_security_groups")
    subnets = rows(calling("ec2:DescribeSubnets"), "describe_subnets")
    tables = rows(calling("ec2:DescribeRouteTables"), "describe_route_tables")
    acls = rows(calling("ec2:DescribeNetworkAcls"), "describe_network_acls")
    nat_gateways = rows(calling("ec2:DescribeNatGateways"), "describe_nat_gateways")
    endpoints = rows(calling("ec2:DescribeVpcEndpoints"), "describe_vpc_endpoints")
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
    gateways = rows(calling("ec2:DescribeInternetGateways"), "describe_internet_gateways", attached)
    nodes = {row["NetworkInterfaceId"]: _node(row) for row in interfaces}
    network = Network(
        groups={row["GroupId"]: _group(row) for row in groups},
        subnets=_subnets(subnets, tables, acls),
        tables={row["RouteTableId"]: tuple(_routes(row.get("Routes", ()))) for row in tables},
        acls={row["NetworkAclId"]: tuple(_entries(row.get("Entries", ()))) for row in acls},
        gateways={row["InternetGatewayId"]: vpc_id for row in gateways},
        nat_gateways=dict(_nat_gateways(nat_gateways, nodes)),
        endpoints=tuple(_endpoint(row, vpc_id, nodes) for row in endpoints),
    )
    others: dict[str, tuple[Node, ...]] = {}
    instances: dict[str, Node] = {}
    for row in interfaces:
        node, instance = nodes[row["NetworkInterfaceId"]], row.get("Attachment", {}).get("InstanceId")
        if instance:
            instances.setdefault(instance, node)
        else:
            others[row.get("Description", "")] = (*others.get(row.get("Description", ""), ()), node)
    return DescribedNetwork(network=network, instances=instances, others=others)


def _node(row: Row) -> Node:
    return Node(
        address=row.get("PrivateIpAddress", ""),
        subnet=row["SubnetId"],
        groups=tuple(group["GroupId"] for group in row.get("Groups", ())),
        public=bool(row.get("Association", {}).get("PublicIp")),
    )


def _group(row: Row) -> SecurityGroup:
    return SecurityGroup(
        id=row["GroupId"],
        name=next((tag["Value"] for tag in row.get("Tags", ()) if tag["Key"] == "Name"), "")
        or row.get("GroupName", ""),
        ingress=tuple(_rules(row.get("IpPermissions", ()))),
        egress=tuple(_rules(row.get("IpPermissionsEgress", ()))),
    )


def _rules(permissions: Iterable[Row]) -> Iterator[GroupRule]:
    for row in permissions:
        peers = [
            *(one["CidrIp"] for one in row.get("IpRanges", ())),
            *(one["CidrIpv6"] for one in row.get("Ipv6Ranges", ())),
            *(one["PrefixListId"] for one in row.get("PrefixListIds", ())),
            *(one["GroupId"] for one in row.get("UserIdGroupPairs", ()) if one.get("GroupId")),
        ]
        first, last = row.get("FromPort", 0), row.get("ToPort", LAST_PORT)
        for peer in peers:
            yield GroupRule(protocol=row["IpProtocol"], first=first, last=last, peer=peer)


def _subnets(subnets: Iterable[Row], tables: Iterable[Row], acls: Iterable[Row]) -> dict[str, Subnet]:
    of_table: dict[str, str] = {}
    main = ""
    for table in tables:
        for association in table.get("Associations", ()):
            if association.get("SubnetId"):
                of_table[association["SubnetId"]] = table["RouteTableId"]
            elif association.get("Main"):
                main = table["RouteTableId"]
    of_acl = {
        association["SubnetId"]: acl["NetworkAclId"]
        for acl in acls
        for association in acl.get("Associations", ())
    }
    default = next((acl["NetworkAclId"] for acl in acls if acl.get("IsDefault")), "")
    return {
        row["SubnetId"]: Subnet(
            id=row["SubnetId"],
            vpc=row["VpcId"],
            zone=row.get("AvailabilityZone", ""),
            table=of_table.get(row["SubnetId"], main),
            acl=of_acl.get(row["SubnetId"], default),
        )
        for row in subnets
    }


def _routes(routes: Iterable[Row]) -> Iterator[Route]:
    for row in routes:
        yield Route(
            destination=next((row[name] for name in _DESTINATIONS if row.get(name)), ""),
            target=next((row[name] for name in _TARGETS if row.get(name)), ""),
            active=row.get("State") != "blackhole",
        )


def _entries(entries: Iterable[Row]) -> Iterator[AclEntry]:
    for row in entries:
        ports = row.get("PortRange", {})
        yield AclEntry(
            number=row["RuleNumber"],
            egress=row["Egress"],
            allows=row["RuleAction"] == "allow",
            protocol=row["Protocol"],
            first=ports.get("From", 0),
            last=ports.get("To", LAST_PORT),
            range=row.get("CidrBlock") or row.get("Ipv6CidrBlock", ""),
        )


def _nat_gateways(gateways: Iterable[Row], nodes: Mapping[str, Node]) -> Iterator[tuple[str, NatGateway]]:
    for row in gateways:
        addresses = row.get("NatGatewayAddresses", ())
        found = [node for one in addresses if (node := nodes.get(one.get("NetworkInterfaceId", "")))]
        if found:
            key = row["NatGatewayId"]
            yield key, NatGateway(id=key, node=found[0], available=row.get("State") == "available")


def _endpoint(row: Row, vpc_id: str, nodes: Mapping[str, Node]) -> Endpoint:
    return Endpoint(
        id=row["VpcEndpointId"],
        vpc=vpc_id,
        service=row["ServiceName"].rpartition(".")[2],
        tables=tuple(row.get("RouteTableIds", ())),
        nodes=tuple(nodes[key] for key in row.get("NetworkInterfaceIds", ()) if key in nodes),
        private_names=bool(row.get("PrivateDnsEnabled")),
    )
