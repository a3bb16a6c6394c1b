"""The networks of an account as plain values, for decisions about connections, and the interfaces in them.

They are read from the records each time, and shared by questions that come at the same moment. So a rule or a
route that is changed by any means acts at once.
"""

import time
from collections.abc import Iterator

from ministack.services import ec2

from sanso_sandbox.engine.registry import Record, Scope, here
from sanso_sandbox.reachability.network import (
    ALL,
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
from sanso_sandbox.services.ec2 import gateways

SHARED = 0.05  # seconds; decisions that keep something back are made on what is read afterwards
VISITOR = "203.0.113.10"
"""The address of a visitor of the site, which is on this machine: one for documentation (RFC 5737)."""
_TARGETS = (
    *("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId"),
    *("EgressOnlyInternetGatewayId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "VpcEndpointId"),
)
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")

_read: dict[Scope, tuple[float, Network]] = {}


def network(*, fresh: bool = False) -> Network:
    """Return the networks of this scope, as read now if they have to be fresh."""
    scope = here()
    known = None if fresh else _read.get(scope)
    if known is not None and time.monotonic() - known[0] < SHARED:
        return known[1]
    found = _network()
    _read[scope] = time.monotonic(), found
    return found


def instance_node(instance_id: str) -> Node | None:
    """Return the interface of an instance; None if it has none in a subnet that exists."""
    for record in ec2._network_interfaces.values():
        if (record.get("Attachment") or {}).get("InstanceId") == instance_id:
            return node_of(record)
    return None


def address_node(address: str, vpc: str) -> Node | None:
    """Return the interface with a private address in a VPC, None without one."""
    for record in ec2._network_interfaces.values():
        if record["PrivateIpAddress"] == address and record["VpcId"] == vpc:
            return node_of(record)
    return None


def described_nodes(description: str) -> tuple[Node, ...]:
    """Return the interfaces with a description, such as those of a load balancer."""
    return tuple(
        node
        for record in ec2._network_interfaces.values()
        if record["Description"] == description and (node := node_of(record)) is not None
    )


def node_of(record: Record, *, public: bool = False) -> Node | None:
    """Return an interface from its record; None if its subnet is gone."""
    if record["SubnetId"] not in ec2._subnets:
        return None
    return Node(
        address=record["PrivateIpAddress"],
        subnet=record["SubnetId"],
        groups=tuple(group["GroupId"] for group in record["Groups"]),
        public=public or bool(record.get("PublicIp")),
    )


def _network() -> Network:
    acls = list(ec2._network_acls.values())
    return Network(
        groups={
            key: SecurityGroup(
                id=key,
                name=str(group["GroupName"]),
                ingress=tuple(_rules(group["IpPermissions"])),
                egress=tuple(_rules(group["IpPermissionsEgress"])),
            )
            for key, group in ec2._security_groups.items()
        },
        subnets=_subnets(acls),
        tables={
            key: tuple(_routes(table.get("Routes", ()), table["VpcId"]))
            for key, table in ec2._route_tables.items()
        },
        acls={acl["NetworkAclId"]: tuple(_entries(acl["Entries"])) for acl in acls},
        gateways={
            key: attachment["VpcId"]
            for key, gateway in ec2._internet_gateways.items()
            for attachment in gateway.get("Attachments", ())
        },
        nat_gateways={
            key: gateway
            for key, record in ec2._nat_gateways.items()
            if (gateway := _nat_gateway(record)) is not None
        },
        endpoints=tuple(map(_endpoint, ec2._vpc_endpoints.values())),
        prefix_lists={
            key: tuple(entry["Cidr"] for entry in record["Entries"])
            for key, record in ec2._prefix_lists.items()
        },
    )


def _rules(permissions: list[Record]) -> Iterator[GroupRule]:
    for permission in permissions:
        protocol = str(permission.get("IpProtocol", ALL))
        peers = [
            *(one["CidrIp"] for one in permission.get("IpRanges", ())),
            *(one["CidrIpv6"] for one in permission.get("Ipv6Ranges", ())),
            *(one["PrefixListId"] for one in permission.get("PrefixListIds", ())),
            *(one.get("GroupId", "") for one in permission.get("UserIdGroupPairs", ())),
        ]
        first = int(permission.get("FromPort", 0))
        last = int(permission.get("ToPort", LAST_PORT))
        for peer in peers:
            yield GroupRule(protocol=protocol, first=first, last=last, peer=peer)


def _subnets(acls: list[Record]) -> dict[str, Subnet]:
    tables: dict[str, str] = {}
    main: dict[str, str] = {}
    for key, table in ec2._route_tables.items():
        for association in table.get("Associations", ()):
            if association.get("SubnetId"):
                tables[association["SubnetId"]] = key
            elif association.get("Main"):
                main[table["VpcId"]] = key
    own_acls = {one["SubnetId"]: acl["NetworkAclId"] for acl in acls for one in acl["Associations"]}
    default_acls = {acl["VpcId"]: acl["NetworkAclId"] for acl in acls if acl["IsDefault"]}
    return {
        key: Subnet(
            id=key,
            vpc=subnet["VpcId"],
            zone=subnet["AvailabilityZone"],
            table=tables.get(key) or main.get(subnet["VpcId"], ""),
            acl=own_acls.get(key) or default_acls.get(subnet["VpcId"], ""),
        )
        for key, subnet in ec2._subnets.items()
    }


def _routes(records: list[Record], vpc: str) -> Iterator[Route]:
    for record in records:
        destination = next((record[name] for name in _DESTINATIONS if record.get(name)), "")
        target = next((str(record[name]) for name in _TARGETS if record.get(name)), "")
        yield Route(destination=destination, target=target, active=gateways.is_active(record, vpc))


def _entries(records: list[Record]) -> Iterator[AclEntry]:
    for record in records:
        ports = record.get("PortRange") or {}
        yield AclEntry(
            number=int(record["RuleNumber"]),
            egress=bool(record["Egress"]),
            allows=record["RuleAction"] == "allow",
            protocol=str(record["Protocol"]),
            first=int(ports.get("From", 0)),
            last=int(ports.get("To", LAST_PORT)),
            range=str(record.get("CidrBlock") or record.get("Ipv6CidrBlock") or ""),
        )


def _nat_gateway(record: Record) -> NatGateway | None:
    interface = ec2._network_interfaces.get(record.get("_interface") or "")
    node = node_of(interface) if interface else None
    if node is None:
        return None
    return NatGateway(id=record["NatGatewayId"], node=node, available=record["State"] == "available")


def _endpoint(record: Record) -> Endpoint:
    interfaces = map(ec2._network_interfaces.get, record.get("NetworkInterfaceIds", ()))
    nodes = (node_of(interface) for interface in interfaces if interface)
    return Endpoint(
        id=record["VpcEndpointId"],
        vpc=record["VpcId"],
        service=str(record["ServiceName"]).rpartition(".")[2],
        tables=tuple(record.get("RouteTableIds", ())),
        nodes=tuple(node for node in nodes if node is not None),
        private_names=str(record.get("PrivateDnsEnabled")).lower() == "true",
    )
