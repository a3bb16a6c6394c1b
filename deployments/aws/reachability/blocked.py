"""Connections that an environment needs and that its network does not allow, each in one sentence.

Sources and destinations are named by ids and names of services, so that the sentence needs no translation;
the signatures in deployments/failures/rules/connections.py read it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from . import paths
from .decision import Control, Missing
from .naming import values_of
from .network import ALL, GroupRule, Network, Node
from .rules import require_rule

SERVICES: Final = {"ssm": "Systems Manager", "s3": "Amazon S3"}
SENTENCES: Final[Mapping[Control, str]] = {
    Control.EGRESS: "no outbound rule of {lacking} allows {traffic} to {peer}",
    Control.INGRESS: "no inbound rule of {lacking} allows {traffic} from {peer}",
    Control.ACL_EGRESS: "network ACL {lacking} does not allow outbound {traffic} to {peer}",
    Control.ACL_INGRESS: "network ACL {lacking} does not allow inbound {traffic} from {peer}",
    Control.ROUTE: "route table {lacking} has no route to {traffic}",
    Control.GATEWAY: "gateway {lacking} does not lead to {traffic}",
    Control.ADDRESS: (
        "an internet gateway serves no private address, and {lacking} has no route to a NAT gateway"
    ),
}
"""By what is missing; "source cannot reach destination: " comes before."""

Clients = Mapping[str, Iterable[Node]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A connection that is not possible: between what, and what is missing."""

    source: str
    destination: str
    missing: Missing


def to_databases(network: Network, clients: Clients, databases: Clients, port: int) -> Iterator[str]:
    """Yield why clients do not reach databases that they are meant to reach."""
    for one in lost_to_databases(network, clients, databases, port):
        yield from _sentence(network, one)


def lost_to_databases(network: Network, clients: Clients, databases: Clients, port: int) -> Iterator[Blocked]:
    """Yield the connections of clients to what they are meant to reach at a port that are not possible.

    They are meant to if a rule of one side names the other one for this port; a rule for all traffic names
    nobody.
    """
    for client, nodes in clients.items():
        for database, targets in databases.items():
            for node, target in ((one, other) for one in nodes for other in targets):
                missing = paths.between(network, node, target, port).missing
                if missing is not None and _is_meant(network, node, target, port):
                    yield Blocked(source=client, destination=database, missing=missing)


def to_services(network: Network, clients: Clients, services: Iterable[str]) -> Iterator[str]:
    """Yield why clients do not reach AWS's services, which are named as their endpoints are."""
    for one in lost_to_services(network, clients, services):
        yield from _sentence(network, one)


def lost_to_services(network: Network, clients: Clients, services: Iterable[str]) -> Iterator[Blocked]:
    """Yield the connections of clients to AWS's services that are not possible."""
    for client, nodes in clients.items():
        for service in services:
            for node in nodes:
                missing = paths.to_service(network, node, service).missing
                if missing is not None:
                    yield Blocked(source=client, destination=SERVICES[service], missing=missing)


def without_refuted(sentences: Iterable[str], ran: Collection[str]) -> list[str]:
    """Leave out that Systems Manager cannot be reached for a reason that did not keep a server from it.

    `ran` are the ids of servers with the output of an association: there is a way that the network as read
    does not have, such as that of another account's gateway.
    """
    sentences = list(sentences)
    parts = [one.partition(f" cannot reach {SERVICES['ssm']}: ") for one in sentences]
    refuted = {reason for source, _verb, reason in parts if reason and source.rpartition(" ")[2] in ran}
    return [one for one, part in zip(sentences, parts, strict=True) if part[2] not in refuted]


def _is_meant(network: Network, source: Node, destination: Node, port: int) -> bool:
    return any(
        paths.decided(require_rule(_narrow(network), control, own, other, paths.TCP, port)).allowances
        for control, own, other in (
            (Control.EGRESS, source, destination),
            (Control.INGRESS, destination, source),
        )
    )


def _narrow(network: Network) -> Network:
    """Return the network's groups without rules for all traffic."""

    def kept(rules: Iterable[GroupRule]) -> tuple[GroupRule, ...]:
        return tuple(rule for rule in rules if rule.protocol != ALL)

    return Network(
        groups={
            key: type(group)(id=key, ingress=kept(group.ingress), egress=kept(group.egress))
            for key, group in network.groups.items()
        },
        prefix_lists=network.prefix_lists,
    )


def _sentence(network: Network, one: Blocked) -> Iterator[str]:
    values = values_of(one.missing, network)
    if values is not None:
        sentence = SENTENCES[one.missing.control].format(**values)
        yield f"{one.source} cannot reach {one.destination}: {sentence}."
