"""The messages about the rule or route that health checks or other connections lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deployments.aws.reachability.blocked import Blocked
from deployments.aws.reachability.decision import Control, Missing
from deployments.aws.reachability.naming import values_of
from deployments.aws.reachability.network import Network
from deployments.common.errors import Message
from deployments.common.message_codes import Code

HEALTH_CHECKS: Final[Mapping[Control, Code]] = {
    Control.EGRESS: Code.CHECK_NO_OUTBOUND_RULE,
    Control.INGRESS: Code.CHECK_NO_INBOUND_RULE,
    Control.ACL_EGRESS: Code.CHECK_NO_OUTBOUND_ENTRY,
    Control.ACL_INGRESS: Code.CHECK_NO_INBOUND_ENTRY,
    Control.ROUTE: Code.CHECK_NO_ROUTE,
}
CONNECTIONS: Final[Mapping[Control, Code]] = {
    Control.EGRESS: Code.PATH_NO_OUTBOUND_RULE,
    Control.INGRESS: Code.PATH_NO_INBOUND_RULE,
    Control.ACL_EGRESS: Code.PATH_NO_OUTBOUND_ENTRY,
    Control.ACL_INGRESS: Code.PATH_NO_INBOUND_ENTRY,
    Control.ROUTE: Code.PATH_NO_ROUTE,
    Control.GATEWAY: Code.PATH_NO_GATEWAY,
    Control.ADDRESS: Code.PATH_NO_ADDRESS,
}
CHECKS: Final = frozenset(HEALTH_CHECKS.values())
WAYS: Final = frozenset(CONNECTIONS.values())


def of_health_checks(missing: Missing, network: Network, where: str, code: str) -> Message | None:
    """Return which rule keeps the health checks from a server; None if that is not certain."""
    known, values = HEALTH_CHECKS.get(missing.control), values_of(missing, network)
    if known is None or values is None:
        return None
    return Message(known, {"where": where, "code": code, **values})


def of_connection(blocked: Blocked, network: Network) -> Message | None:
    """Return which rule, route or gateway a connection lacks; None if that is not certain."""
    values = values_of(blocked.missing, network)
    if values is None:
        return None
    ends = {"source": blocked.source, "destination": blocked.destination}
    return Message(CONNECTIONS[blocked.missing.control], ends | values)
