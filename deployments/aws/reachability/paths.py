"""Whether one interface can connect to another, to the internet or to an AWS service, and why.

Each function returns a Decision. Order: the route, then the network ACLs, then the security groups, so that
`missing` names what a packet meets first, except for the source's egress rule, which it meets before all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .decision import Allowance, Control, Decision, Missing, Refusal
from .network import Endpoint, Network, Node
from .routes import best_route, require_way_in, require_way_out
from .rules import require_acls, require_rule

TCP = "tcp"
HTTPS = 443
OUTSIDE = "198.51.100.1"
"""An address that stands for AWS's services and package repositories, which rules do not name."""


def between(network: Network, source: Node, destination: Node, port: int, protocol: str = TCP) -> Decision:
    """Return whether an interface in a VPC can connect to another one, in the same VPC or in a peered one."""

    def parts() -> Iterator[Allowance]:
        yield from require_rule(network, Control.EGRESS, source, destination, protocol, port)
        yield from _peering(network, source, destination)
        yield from require_acls(network, source, destination, protocol, port)
        yield from require_rule(network, Control.INGRESS, destination, source, protocol, port)

    return decided(parts())


def from_internet(
    network: Network, visitor: str, destination: Node, port: int, protocol: str = TCP
) -> Decision:
    """Return whether a visitor with this address can connect to an interface with a public address."""
    outside = Node(address=visitor, subnet="")

    def parts() -> Iterator[Allowance]:
        yield from require_way_in(network, destination, outside)
        yield from require_acls(network, outside, destination, protocol, port)
        yield from require_rule(network, Control.INGRESS, destination, outside, protocol, port)

    return decided(parts())


def to_internet(
    network: Network, source: Node, port: int = HTTPS, address: str = OUTSIDE, protocol: str = TCP
) -> Decision:
    """Return whether an interface can connect to an address on the internet."""
    outside = Node(address=address, subnet="")

    def parts() -> Iterator[Allowance]:
        yield from require_rule(network, Control.EGRESS, source, outside, protocol, port)
        yield from require_way_out(network, source, outside, protocol, port)

    return decided(parts())


def to_service(network: Network, source: Node, service: str) -> Decision:
    """Return whether an interface reaches an AWS service, by one of its endpoints or over the internet.

    An interface endpoint with private names takes all connections in its VPC to the service's name, whether
    its groups allow them or not; its name leads to all of its interfaces, so each of them has to be reached.
    https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
    """
    subnet = network.subnets[source.subnet]
    of_service = [one for one in network.endpoints if one.service == service and one.vpc == subnet.vpc]
    for endpoint in of_service:
        if endpoint.nodes and endpoint.private_names:
            return all_of(between(network, source, node, HTTPS) for node in endpoint.nodes)
    for endpoint in of_service:
        if subnet.table in endpoint.tables:
            return decided(_through_endpoint(network, source, endpoint))
    return to_internet(network, source, address=address_of(network, service))


def address_of(network: Network, service: str) -> str:
    """Return an address that stands for a service: of its prefix list, if it has one."""
    ranges = network.prefix_lists.get(network.service_lists.get(service, ""), ())
    return ranges[0].partition("/")[0] if ranges else OUTSIDE


def _through_endpoint(network: Network, source: Node, endpoint: Endpoint) -> Iterator[Allowance]:
    outside = Node(address=address_of(network, endpoint.service), subnet="")
    yield from require_rule(network, Control.EGRESS, source, outside, TCP, HTTPS)
    table = network.subnets[source.subnet].table
    yield Allowance(control=Control.ROUTE, where=table, rule=f"{endpoint.service} {endpoint.id}")
    yield from require_acls(network, source, outside, TCP, HTTPS)


def _peering(network: Network, source: Node, destination: Node) -> Iterator[Allowance]:
    """Yield the routes between two VPCs. Raises Refusal if one of them is missing.

    https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-routing.html
    """
    for node, other in ((source, destination), (destination, source)):
        own, their = network.subnets[node.subnet], network.subnets[other.subnet]
        if own.vpc == their.vpc:
            return
        route = best_route(network, own.table, other.address)
        if route is None or not (route.active and route.target.startswith(("pcx-", "tgw-"))):
            raise Refusal(
                Missing(control=Control.ROUTE, where=(own.table,), traffic=other.address, peer=(own.id,))
            )
        yield Allowance(control=Control.ROUTE, where=own.table, rule=f"{route.destination} {route.target}")


def decided(parts: Iterable[Allowance]) -> Decision:
    """Return the decision for the parts of a connection, of which the first refusal counts."""
    found: list[Allowance] = []
    try:
        found.extend(parts)
    except Refusal as refusal:
        return Decision(allowances=tuple(found), missing=refusal.missing)
    return Decision(allowances=tuple(found))


def all_of(decisions: Iterable[Decision]) -> Decision:
    """Return one decision for several connections that are all needed."""
    allowances: dict[Allowance, None] = {}
    for decision in decisions:
        allowances |= dict.fromkeys(decision.allowances)
        if decision.missing is not None:
            return Decision(allowances=tuple(allowances), missing=decision.missing)
    return Decision(allowances=tuple(allowances))
