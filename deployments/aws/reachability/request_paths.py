"""The way of a visitor's request through an environment, and the connections of it that are not possible.

Visitors reach public load balancers, these their targets; servers reach internal load balancers, databases
and AWS's services.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import balancing, blocked
from .balancing import Balancer
from .blocked import Blocked, Clients
from .decision import Control, Decision
from .network import Network, Node
from .paths import OUTSIDE, TCP, from_internet
from .rules import covers

VISITORS = "Internet"
ANYBODY = "0.0.0.0/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A target behind a load balancer, both with their names."""

    balancer: str
    name: str
    node: Node
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What takes part in a request, by name; `visitor_port` is the port of the site."""

    balancers: Mapping[str, Balancer]
    visitor_port: int
    targets: Sequence[Behind] = ()
    servers: Clients = field(default_factory=dict)
    databases: Clients = field(default_factory=dict)
    database_port: int = 0
    services: Sequence[str] = ()


def blocked_on_the_way(network: Network, way: Way) -> Iterator[Blocked]:
    """Yield the connections of a request that are not possible, those nearest to the visitor first."""
    for name, balancer in way.balancers.items():
        yield from _visitors(network, name, balancer, way.visitor_port)
    for one in way.targets:
        for decision in balancing.requests_to_target(
            network, way.balancers[one.balancer], one.node, one.port
        ):
            yield from _of(one.balancer, one.name, decision)
    yield from _to_internal(network, way)
    yield from blocked.lost_to_databases(network, way.servers, way.databases, way.database_port)
    yield from blocked.lost_to_services(network, way.servers, way.services)


def _of(source: str, destination: str, decision: Decision) -> Iterator[Blocked]:
    if decision.missing is not None:
        yield Blocked(source=source, destination=destination, missing=decision.missing)


def _visitors(network: Network, name: str, balancer: Balancer, port: int) -> Iterator[Blocked]:
    for node in balancer.nodes:
        visitor = _visitor(network, node, port) if node.public else None
        decision = from_internet(network, visitor, node, port) if visitor else Decision()
        missing = decision.missing
        if missing is not None and missing.control is Control.INGRESS:
            missing = replace(missing, peer=(ANYBODY,))
        yield from _of(VISITORS, name, replace(decision, missing=missing))


def _visitor(network: Network, node: Node, port: int) -> str | None:
    """Return an address from which a rule admits visitors, any one if no rule admits anything.

    None if rules name private addresses, groups or prefix lists alone: who they admit is not known.
    """
    groups = [network.groups[key] for key in node.groups if key in network.groups]
    peers = [rule.peer for group in groups for rule in group.ingress if covers(rule, TCP, port)]
    if not peers or ANYBODY in peers:
        return OUTSIDE
    ranges = [ipaddress.ip_network(peer) for peer in peers if not peer.startswith(("sg-", "pl-"))]
    return next((str(one.network_address) for one in ranges if one.version == 4 and one.is_global), None)


def _to_internal(network: Network, way: Way) -> Iterator[Blocked]:
    """Yield which servers do not reach an internal load balancer that they are meant to reach.

    A listener is taken to have the port of its targets, and a server to be a client if a rule says so.
    """
    ports = {(one.balancer, one.port) for one in way.targets}
    for key, port in sorted(ports):
        if any(node.public for node in way.balancers[key].nodes):
            continue
        behind = {one.name for one in way.targets if one.balancer == key}
        clients = {name: nodes for name, nodes in way.servers.items() if name not in behind}
        yield from blocked.lost_to_databases(network, clients, {key: way.balancers[key].nodes}, port)
