"""Security groups and network ACLs: which of their rules allows a part of a connection.

Security groups are stateful: a response needs no rule. A rule that names a group allows the private addresses
of the interfaces that have this group, so it does not match a visitor from the internet. If an interface has
several groups, a rule of any of them is enough.
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html

Network ACLs are stateless: they apply where a connection crosses the border of a subnet, in the order of
their numbers, and the responses to the client's ephemeral ports need rules too.
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from .decision import Allowance, Control, Missing, Refusal
from .network import ALL, LAST_PORT, AclEntry, GroupRule, Network, Node, ports_of

NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
EPHEMERAL = (1024, LAST_PORT)
"""Ports from which load balancers, NAT gateways and Lambda connect; Linux servers use a part of them."""

_Range = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def _range(text: str) -> _Range | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def contains(cidr: str, address: str) -> bool:
    """Return whether an address range contains an address of the same IP version."""
    outer, inner = _range(cidr), _range(address)
    if outer is None or inner is None or outer.version != inner.version:
        return False
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def length(cidr: str) -> int:
    """Return the length of a range's prefix, -1 for text that is no range."""
    found = _range(cidr)
    return -1 if found is None else found.prefixlen


def protocol_name(protocol: str) -> str:
    """Return the name of a protocol that is given by its name or number."""
    return NUMBERS.get(protocol, protocol.lower())


def require_rule(
    network: Network, control: Control, own: Node, other: Node, protocol: str, port: int
) -> Iterator[Allowance]:
    """Yield the rule of an interface's groups that allows the other side. Raises Refusal without one.

    Args:
        control: EGRESS of the source towards the destination, or INGRESS of the destination from the source.
    """
    if not own.groups:
        return
    for group_id in own.groups:
        group = network.groups.get(group_id)
        if group is None:
            continue
        for rule in group.egress if control is Control.EGRESS else group.ingress:
            if covers(rule, protocol, port) and _names(network, rule.peer, other):
                yield Allowance(control=control, where=group_id, rule=str(rule))
                return
    raise Refusal(
        Missing(
            control=control,
            where=own.groups,
            traffic=ports_of(protocol, port, port),
            peer=(*other.groups, other.address),
        )
    )


def covers(rule: GroupRule, protocol: str, port: int) -> bool:
    """Return whether a rule is about a protocol and port."""
    if rule.protocol in (ALL, "all"):
        return True
    return protocol_name(rule.protocol) == protocol and rule.first <= port <= rule.last


def _names(network: Network, peer: str, node: Node) -> bool:
    if peer.startswith("sg-"):
        return peer in node.groups
    if peer.startswith("pl-"):
        return any(contains(cidr, node.address) for cidr in network.prefix_lists.get(peer, ()))
    return contains(peer, node.address)


def require_acls(
    network: Network, source: Node, destination: Node, protocol: str, port: int
) -> Iterator[Allowance]:
    """Yield the rules of both subnets' ACLs for a connection and its responses. Raises Refusal without one.

    A side without a subnet is outside of the VPC. Within one subnet, no ACL applies.
    """
    if source.subnet == destination.subnet:
        return
    there, back = (port, port), EPHEMERAL
    for node, egress, peer, ports in (
        (source, True, destination, there),
        (destination, False, source, there),
        (destination, True, source, back),
        (source, False, destination, back),
    ):
        subnet = network.subnets.get(node.subnet)
        entries = network.acls.get(subnet.acl) if subnet else None
        if subnet is not None and entries is not None:
            yield _require_entry(entries, subnet.acl, egress, peer.address, protocol, ports)


def _require_entry(
    entries: tuple[AclEntry, ...],
    acl: str,
    egress: bool,
    peer: str,
    protocol: str,
    ports: tuple[int, int],
) -> Allowance:
    """Return the entry that allows the last of the ports, after earlier ones have allowed the others."""
    control = Control.ACL_EGRESS if egress else Control.ACL_INGRESS
    open_ports = [ports]
    for entry in sorted(entries, key=lambda one: one.number):
        names_protocol = entry.protocol == ALL or protocol_name(entry.protocol) == protocol
        if entry.egress is not egress or not names_protocol or not contains(entry.range, peer):
            continue
        first, last = (0, LAST_PORT) if entry.protocol == ALL else (entry.first, entry.last)
        left = [part for one in open_ports for part in _without(one, (first, last))]
        if left == open_ports:
            continue
        if not entry.allows:
            break
        if not left:
            return Allowance(control=control, where=acl, rule=f"{entry.number}")
        open_ports = left
    raise Refusal(
        Missing(control=control, where=(acl,), traffic=ports_of(protocol, *open_ports[0]), peer=(peer,))
    )


def _without(ports: tuple[int, int], other: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a range of ports that another one does not cover."""
    first, last = ports
    if other[1] < first or other[0] > last:
        yield ports
        return
    if first < other[0]:
        yield first, other[0] - 1
    if last > other[1]:
        yield other[1] + 1, last
