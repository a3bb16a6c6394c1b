"""Routes: which one leads a packet out of a subnet, and whether its gateway lets it through.

The most specific route counts; the local one covers the VPC and cannot be removed. An internet gateway serves
only interfaces with a public address; private ones need a NAT gateway in a subnet that an internet gateway
serves. A gateway endpoint is more specific than the default route, for its service alone.
https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
"""

from __future__ import annotations

from collections.abc import Iterator

from .decision import Allowance, Control, Missing, Refusal
from .network import Network, Node, Route
from .rules import contains, length, require_acls

LOCAL = "local"


def best_route(network: Network, table: str, address: str) -> Route | None:
    """Return the most specific route to an address, which may be a blackhole."""
    found = [
        (length(cidr), route)
        for route in network.tables.get(table, ())
        for cidr in network.prefix_lists.get(route.destination, (route.destination,))
        if contains(cidr, address)
    ]
    return max(found, key=lambda one: one[0], default=(0, None))[1]


def require_way_out(
    network: Network, source: Node, outside: Node, protocol: str, port: int
) -> Iterator[Allowance]:
    """Yield the routes from a subnet to an address on the internet. Raises Refusal without one."""
    subnet = network.subnets[source.subnet]
    route = best_route(network, subnet.table, outside.address)
    if route is None or route.target == LOCAL:
        raise Refusal(
            Missing(control=Control.ROUTE, where=(subnet.table,), traffic=outside.address, peer=(subnet.id,))
        )
    _require_active(route, outside)
    passed = Allowance(control=Control.ROUTE, where=subnet.table, rule=f"{route.destination} {route.target}")
    if route.target.startswith("igw-"):
        _require_attached(network, route.target, subnet.vpc)
        if not source.public and ":" not in source.address:
            raise Refusal(
                Missing(control=Control.ADDRESS, where=(source.subnet,), traffic=source.address, peer=())
            )
    yield passed
    if route.target.startswith("nat-"):
        yield from _through_nat(network, route.target, source, outside, protocol, port)
    else:
        yield from require_acls(network, source, outside, protocol, port)


def require_way_in(network: Network, destination: Node, outside: Node) -> Iterator[Allowance]:
    """Yield the route by which responses reach a visitor. Raises Refusal without one."""
    subnet = network.subnets[destination.subnet]
    if not destination.public:
        raise Refusal(Missing(control=Control.ADDRESS, where=(subnet.id,), traffic=destination.address))
    route = best_route(network, subnet.table, outside.address)
    if route is None or not route.target.startswith("igw-"):
        raise Refusal(
            Missing(control=Control.ROUTE, where=(subnet.table,), traffic=outside.address, peer=(subnet.id,))
        )
    _require_active(route, outside)
    _require_attached(network, route.target, subnet.vpc)
    yield Allowance(control=Control.ROUTE, where=subnet.table, rule=f"{route.destination} {route.target}")


def _require_active(route: Route, outside: Node) -> None:
    """Raise Refusal for a blackhole, whose target is gone.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
    """
    if not route.active:
        raise Refusal(Missing(control=Control.GATEWAY, where=(route.target,), traffic=outside.address))


def _require_attached(network: Network, gateway: str, vpc: str) -> None:
    if network.gateways.get(gateway) != vpc:
        raise Refusal(Missing(control=Control.GATEWAY, where=(gateway,), traffic=vpc))


def _through_nat(
    network: Network, gateway: str, source: Node, outside: Node, protocol: str, port: int
) -> Iterator[Allowance]:
    """Yield what a NAT gateway needs: to be available, ACLs on both sides, and its own way out."""
    found = network.nat_gateways.get(gateway)
    if found is None or not found.available or not found.node.public:
        raise Refusal(Missing(control=Control.GATEWAY, where=(gateway,), traffic=outside.address))
    # The packets keep the outside address on their way to the gateway, so the ACLs compare that.
    behind = Node(address=outside.address, subnet=found.node.subnet)
    yield from require_acls(network, source, behind, protocol, port)
    yield from require_way_out(network, found.node, outside, protocol, port)
