"""The message about the rule or route whose lack keeps health checks from a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deployments.core.reachability.decision import Control, Missing
from deployments.core.reachability.network import Network
from deployments.errors import Message
from deployments.message_codes import Code

HEALTH_CHECKS: Final[Mapping[Control, Code]] = {
    Control.EGRESS: Code.CHECK_NO_OUTBOUND_RULE,
    Control.INGRESS: Code.CHECK_NO_INBOUND_RULE,
    Control.ACL_EGRESS: Code.CHECK_NO_OUTBOUND_ENTRY,
    Control.ACL_INGRESS: Code.CHECK_NO_INBOUND_ENTRY,
    Control.ROUTE: Code.CHECK_NO_ROUTE,
}
CODES: Final = frozenset(HEALTH_CHECKS.values())


def of_health_checks(missing: Missing, network: Network, where: str, code: str) -> Message | None:
    """Return which rule keeps the health checks from a server; None if that is not certain.

    It is not if one of the groups has a rule with a prefix list, whose addresses are not known.
    """
    known = HEALTH_CHECKS.get(missing.control)
    if known is None or any(_has_prefix_list(network, key) for key in missing.where):
        return None
    return Message(
        known,
        {
            "where": where,
            "code": code,
            "lacking": _named(missing.where, network),
            "traffic": traffic_of(missing.traffic),
            "peer": _named(missing.peer, network),
        },
    )


def traffic_of(text: str) -> str:
    """Return a protocol and its ports as AWS's console writes them: "TCP 8080"."""
    protocol, _space, ports = text.partition(" ")
    return f"{protocol.upper()} {ports}" if ports and protocol in ("tcp", "udp") else text


def _named(keys: tuple[str, ...], network: Network) -> str:
    """Return ids with the names of those that are groups: "sg-0a1b (app), 10.0.1.5"."""
    names = {key: group.name for key, group in network.groups.items()}
    return ", ".join(f"{key} ({names[key]})" if names.get(key) else key for key in keys)


def _has_prefix_list(network: Network, group_id: str) -> bool:
    group = network.groups.get(group_id)
    rules = (*group.ingress, *group.egress) if group else ()
    return any(rule.peer.startswith("pl-") and rule.peer not in network.prefix_lists for rule in rules)
