"""Whether a tier is in service: its load balancer has a healthy target, or the tier is out of service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules import aws_statuses, missing_paths
from deployments.health.rules.components import Assessment, Component, Transition, is_stale
from deployments.health.rules.observations import Observations

BALANCED = {"alb": "web", "nlb": "app"}
"""The tier behind each kind of load balancer."""
REPLACED_WITHIN = timedelta(minutes=10)
"""A group starts the replacement of a server at most this long after the server left."""
_ON_THE_WAY = (
    (Code.NO_SERVER_CHECKING, Code.NO_SERVER_CHECKING_REPLACEMENT),
    (Code.NO_SERVER_CONFIGURING, Code.NO_SERVER_CONFIGURING_REPLACEMENT),
    (Code.NO_SERVER_STARTING, Code.NO_SERVER_STARTING_REPLACEMENT),
)
"""Texts of what servers that enter service wait for, the last step first: alone, and as replacements."""


_FAILED_CHECKS = frozenset(
    {Code.TARGET_UNHEALTHY, Code.TARGET_RESPONSE_CODE, Code.TARGET_TIMEOUT, Code.TARGET_FAILED_CHECKS}
)


def outage(tier: str, servers: Sequence[Component], facts: Observations, now: datetime) -> Assessment | None:
    """Return that a tier is out of service, and its recovery; None if it is in service or this is unknown.

    A tier is out of service if no target is healthy in the load balancer's latest response, whatever state
    the targets are entering. A target that AWS does not check may serve, and an old response proves nothing.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    targets = [target for target in facts.targets if target.tier == tier]
    source = facts.sources.get("targets")
    dates: list[datetime | None] = [target.observed_at for target in targets]
    dates = dates or [source.observed_at if source else None]
    if facts.being_created or not (targets or tier in facts.parts.target_groups.values()):
        return None
    if any(is_stale(at, now) for at in dates):
        return None
    if not all(aws_statuses.is_out_of_service(target.state) for target in targets):
        return None
    return Assessment(
        status=HealthStatus.UNHEALTHY, sentence=_sentence(tier, servers, facts), at=min(filter(None, dates))
    )


def replacement(tier: str, servers: Sequence[Component], facts: Observations) -> Assessment | None:
    """Return the assessment of a tier all of whose servers are being replaced; None for any other.

    A server that is leaving serves as long as it is healthy to its load balancer. Without a load balancer,
    none serves until the new one is in service.
    """
    counted = [server for server in servers if server.counts]
    if not counted or any(server.transition is not Transition.STARTING for server in counted):
        return None
    dates = [server.assessment.at for server in counted]
    old = [one.key for one in servers if one.facts.get("state") == "healthy" and not one.counts]
    if old:
        values = {"tier": tier, "new": _names(server.key for server in counted), "old": _names(old)}
        sentence, status = Message(Code.SERVERS_REPLACED, values), HealthStatus.DEGRADED
    elif tier in facts.parts.target_groups.values() or any(target.tier == tier for target in facts.targets):
        return None  # the load balancer's response decides
    else:
        sentence, status = _sentence(tier, servers, facts), HealthStatus.UNHEALTHY
    return Assessment(status=status, sentence=sentence, at=min(filter(None, dates), default=None))


def _sentence(tier: str, servers: Sequence[Component], facts: Observations) -> Message:
    """Return the relevant sentence: the replacement of servers, else why existing servers do not serve."""
    if not servers:
        return Message(Code.NO_SERVERS, {"where": tier})
    counted = [server for server in servers if server.counts]
    if coming := [server for server in counted if server.assessment.status is HealthStatus.UNKNOWN]:
        return _replacing(tier, servers, coming, facts)
    failing = [server for server in counted if server.facts.get("state") == "unhealthy"]
    if failing:
        sentence = failing[0].assessment.sentence
        if sentence is not None and sentence.code in missing_paths.CHECKS:
            return sentence
        reason = failing[0].facts.get("reason") or "unhealthy"
        names = _names(server.key for server in failing)
        return Message(Code.NO_SERVER_HEALTHY, {"tier": tier, "servers": names, "code": reason})
    return Message(Code.NO_SERVER_IN_SERVICE, {"tier": tier})


def failing_checks(
    tier: str, counted: Sequence[Component], total: int, worst: Message | None
) -> Message | None:
    """Return how many servers of a tier fail their health checks, if that is the worst of it; else the worst.

    The servers' own rows say what each of them answered.
    """
    failing = [server.key for server in counted if server.facts.get("state") == "unhealthy"]
    if worst is None or worst.code not in _FAILED_CHECKS or not failing:
        return worst
    code = Code.SERVER_FAILS_CHECK if len(failing) == 1 else Code.SERVERS_FAIL_CHECKS
    values = {"tier": tier, "count": str(len(failing)), "total": str(total)}
    return Message(code, values | {"servers": ", ".join(f"…{key[-4:]}" for key in sorted(failing))})


def _replacing(
    tier: str, servers: Sequence[Component], coming: Sequence[Component], facts: Observations
) -> Message:
    """Return what the servers closest to their first request wait for, and which servers they replace."""
    steps = {server.key: _step(tier, server, facts) for server in coming}
    step = min(steps.values())
    alone, replacing = _ON_THE_WAY[step]
    values = {"tier": tier, "new": _names(key for key, at in steps.items() if at == step)}
    old = _replaced(tier, servers, list(steps), facts)
    return Message(replacing, values | {"old": _names(old)}) if old else Message(alone, values)


def _step(tier: str, server: Component, facts: Observations) -> int:
    """Return what a server waits for, as an index into `_ON_THE_WAY`."""
    lifecycle = server.facts.get("lifecycle", "")
    if lifecycle and aws_statuses.of_instance(lifecycle, "").health is not HealthStatus.HEALTHY:
        return 2
    configured = tier in facts.parts.associations.values()
    return 1 if configured and server.facts.get("association") not in aws_statuses.RUN_SUCCEEDED else 0


def _replaced(
    tier: str, servers: Sequence[Component], coming: Sequence[str], facts: Observations
) -> list[str]:
    """Return the servers that are leaving, will be replaced, or left shortly before the others were added."""
    marked = {row.instance_id for row in facts.instances if row.health.lower() == "unhealthy"}
    leaving = [server.key for server in servers if not server.counts or server.key in marked]
    begun = min((row.first_seen_at for row in facts.instances if row.instance_id in coming), default=None)
    gone = [
        row.instance_id
        for row in sorted(facts.departed, key=lambda row: (row.gone_at, row.instance_id), reverse=True)
        if row.tier == tier and begun and row.gone_at >= begun - REPLACED_WITHIN
    ]
    return list(dict.fromkeys([*leaving, *gone]))[: len(coming)]


def _names(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))


def behind(balancer: str) -> Message:
    """Return why a load balancer of a tier that is out of service is unhealthy: a short text for its box."""
    return Message(Code.NO_SERVER_IN_SERVICE, {"tier": BALANCED[balancer]})
