"""The message about the rule or route whose lack keeps health checks from a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deployments.core.reachability.decision import Control, Missing
from deployments.core.reachability.naming import values_of
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
    """Return which rule keeps the health checks from a server; None if that is not certain."""
    known, values = HEALTH_CHECKS.get(missing.control), values_of(missing, network)
    if known is None or values is None:
        return None
    return Message(known, {"where": where, "code": code, **values})
