"""The paths of a load balancer: clients to it, its requests and health checks to its targets.

Each interface of a load balancer sends to all targets with cross-zone load balancing, and to those of its own
zone without it. Sources:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html: health
checks are subject to outbound rules, but not to inbound ones; targets may refer to the load balancer's group
whether it preserves the client's address or not; without groups, the targets have to allow the addresses of
its interfaces.
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html: a target
behind a load balancer that preserves the client's address sees that address, except in health checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .decision import Decision
from .network import Network, Node
from .paths import between, from_internet


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer with an interface in each of its subnets."""

    nodes: tuple[Node, ...]
    cross_zone: bool = True


def from_visitor(network: Network, balancer: Balancer, visitor: str, port: int) -> list[Decision]:
    """Return for each interface of an internet-facing load balancer whether a visitor reaches a listener."""
    return [from_internet(network, visitor, node, port) for node in balancer.nodes]


def from_client(network: Network, balancer: Balancer, client: Node, port: int) -> list[Decision]:
    """Return for each interface whether a server in the VPC reaches a listener."""
    return [between(network, client, node, port) for node in balancer.nodes]


def requests_to_target(
    network: Network, balancer: Balancer, target: Node, port: int, clients: Iterable[str] = ()
) -> list[Decision]:
    """Return for each interface that sends requests, or health checks, to a target whether they reach it.

    Args:
        clients: the addresses that the target sees, if the load balancer preserves them.
    """
    return [
        between(network, replace(node, address=address), target, port)
        for node in _senders(network, balancer, target)
        for address in (tuple(clients) or (node.address,))
    ]


def _senders(network: Network, balancer: Balancer, target: Node) -> Iterator[Node]:
    zone = network.subnets[target.subnet].zone
    for node in balancer.nodes:
        if balancer.cross_zone or network.subnets[node.subnet].zone == zone:
            yield node
