"""What is missing for a connection, as texts: ids with names, ports as AWS's console writes them."""

from __future__ import annotations

from .decision import Missing
from .network import Network


def values_of(missing: Missing, network: Network) -> dict[str, str] | None:
    """Return what is lacking, for which traffic and which peer; None if that is not certain.

    It is not if one of the groups has a rule with a prefix list, whose addresses are not known.
    """
    if any(_has_prefix_list(network, key) for key in missing.where):
        return None
    return {
        "lacking": named(missing.where, network),
        "traffic": traffic_of(missing.traffic),
        "peer": named(missing.peer, network),
    }


def traffic_of(text: str) -> str:
    """Return a protocol and its ports as AWS's console writes them: "TCP 8080"."""
    protocol, _space, ports = text.partition(" ")
    return f"{protocol.upper()} {ports}" if ports and protocol in ("tcp", "udp") else text


def named(keys: tuple[str, ...], network: Network) -> str:
    """Return ids with the names of those that are groups: "sg-0a1b (app), 10.0.1.5"."""
    names = {key: group.name for key, group in network.groups.items()}
    return ", ".join(f"{key} ({names[key]})" if names.get(key) else key for key in keys)


def _has_prefix_list(network: Network, group_id: str) -> bool:
    group = network.groups.get(group_id)
    rules = (*group.ingress, *group.egress) if group else ()
    return any(rule.peer.startswith("pl-") and rule.peer not in network.prefix_lists for rule in rules)
