"""The parts of a network that decide about connections, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = "-1"
LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """A rule of a security group: what it allows from or to one peer.

    `peer` is an address range, the id of a security group (sg-) or of a prefix list (pl-).
    """

    protocol: str
    first: int = 0
    last: int = LAST_PORT
    peer: str

    def __str__(self) -> str:
        return f"{ports_of(self.protocol, self.first, self.last)} {self.peer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """A security group."""

    id: str
    name: str = ""
    ingress: tuple[GroupRule, ...] = ()
    egress: tuple[GroupRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route: `destination` is a range or a prefix list, `target` the id of a gateway, or "local"."""

    destination: str
    target: str
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AclEntry:
    """A numbered rule of a network ACL. `protocol` is a number, or -1 for all."""

    number: int
    egress: bool
    allows: bool
    protocol: str = ALL
    first: int = 0
    last: int = LAST_PORT
    range: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet with its route table and its network ACL."""

    id: str
    vpc: str
    zone: str
    table: str
    acl: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A network interface: of a server, a function, a load balancer, a database, a gateway or an endpoint.

    Without groups it is not filtered, like one of a NAT gateway or of a network load balancer without groups.
    """

    address: str
    subnet: str
    groups: tuple[str, ...] = ()
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NatGateway:
    """A NAT gateway. `node` is its interface; a private one leads to no internet."""

    id: str
    node: Node
    available: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of an AWS service in a VPC.

    A gateway endpoint has route tables; an interface endpoint has interfaces, which the service's own name
    leads to if it has private names.
    """

    id: str
    vpc: str
    service: str
    tables: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    private_names: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """An account's networks in a region.

    `gateways` are internet gateways with the VPC of each, and `service_lists` are the services with a managed
    prefix list of their addresses, such as S3's.
    """

    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    tables: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)
    acls: Mapping[str, tuple[AclEntry, ...]] = field(default_factory=dict)
    gateways: Mapping[str, str] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    prefix_lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    service_lists: Mapping[str, str] = field(default_factory=dict)


def ports_of(protocol: str, first: int, last: int) -> str:
    """Return a protocol with its ports as text: "tcp 80", "tcp 32768-61000", "all traffic"."""
    if protocol == ALL:
        return "all traffic"
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"
