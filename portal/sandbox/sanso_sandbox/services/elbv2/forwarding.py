"""The current configuration of load balancers from the records: listeners, rules, targets in service."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import acm, alb

from sanso_sandbox.engine.registry import Record, Scope
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.balancers import Certificate, Condition, Key, Listener, Rule, Target
from sanso_sandbox.services.elbv2 import paths, target_health

logger = logging.getLogger(__name__)

SERVED = ("HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP")
IDLE = {"application": 60, "network": 350}  # seconds; the first one is configurable by an attribute
FAIL_OPEN = ("unhealthy", "initial")
TERMINATION = "deregistration_delay.connection_termination.enabled"  # for groups of network load balancers
FIELDS = ("path-pattern", "host-header", "http-request-method", "http-header", "source-ip")


def load_balancers() -> set[str]:
    """Return the ARNs of the load balancers of every account."""
    return {arn for (_account, _region, arn), _record in alb._lbs.all_items()}


def listeners() -> Iterator[Listener]:
    """Yield the listeners of every account that can be served."""
    for (account, region, arn), record in alb._listeners.all_items():
        if record["Protocol"] not in SERVED:
            continue
        scope = Scope(account, region)
        certificates = record.get("Certificates") or []
        yield Listener(
            key=(scope, arn),
            load_balancer=record["LoadBalancerArn"],
            port=int(record["Port"]),
            protocol=record["Protocol"],
            certificate=str(certificates[0]) if certificates else "",
            idle=_idle(scope, record["LoadBalancerArn"]),
            blocked=_blocked(scope, record),
        )


def _idle(scope: Scope, load_balancer: str) -> int:
    with scope.entered():
        record: Record = alb._lbs.get(load_balancer) or {}
        attributes = alb._lb_attrs.get(load_balancer) or []
    given = [one["Value"] for one in attributes if one["Key"] == "idle_timeout.timeout_seconds"]
    return int(given[0]) if given else IDLE.get(record.get("Type", ""), 60)


def _blocked(scope: Scope, listener: Record) -> int:
    with scope.entered():
        return paths.blocked_share(listener["LoadBalancerArn"], int(listener["Port"]))


def rules(listener: Key) -> list[Rule]:
    """Return a listener's rules in the order of evaluation; the last one matches everything."""
    scope, arn = listener
    with scope.entered():
        record = alb._listeners.get(arn)
        if record is None:
            return []
        found = [
            rule for rule in alb._rules.values() if rule["ListenerArn"] == arn and not rule.get("IsDefault")
        ]
    found.sort(key=lambda rule: int(rule["Priority"]))
    default: Record = {"Conditions": [], "Actions": record["DefaultActions"]}
    return [rule for rule in map(_rule, [*found, default]) if rule is not None]


def _rule(record: Mapping[str, Any]) -> Rule | None:
    """Return a rule; None for one with an unknown condition, which never matches."""
    conditions = []
    for one in record.get("Conditions") or []:
        if one.get("Field") not in FIELDS:
            logger.warning("A rule with a condition on %s is not served.", one.get("Field"))
            return None
        config = one.get("HttpHeaderConfig") or {}
        conditions.append(
            Condition(
                field=one["Field"],
                header=str(config.get("HttpHeaderName", "")).lower(),
                patterns=tuple(map(str, one.get("Values") or config.get("Values") or [])),
            )
        )
    actions = sorted(record.get("Actions") or [], key=lambda action: int(action.get("Order") or 0))
    return Rule(conditions=tuple(conditions), action=actions[-1] if actions else {})


def targets(scope: Scope, group: str) -> list[Target]:
    """Return the targets of a group that have an address.

    If none is healthy, all of them take requests, as ELB fails open; draining ones get no new requests.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    with scope.entered():
        rows = list(alb._targets.get(group) or [])
        states = [target_health.state_of(group, row)["State"] for row in rows]
        attributes = {one["Key"]: one["Value"] for one in alb._tg_attrs.get(group, [])}
        reached = [paths.requests(group, row).allowed for row in rows]
    taking = ("healthy",) if "healthy" in states else FAIL_OPEN
    outlive = attributes.get(TERMINATION) == "false"
    found = []
    for row, state, is_reached in zip(rows, states, reached, strict=True):
        address = in_use.machines().address_of(row["Id"], row["Port"])
        if address is not None:
            target = Target(
                name=f"{row['Id']}:{row['Port']}",
                address=address,
                takes=state in taking,
                outlived=outlive,
                reached=is_reached,
            )
            found.append(target)
    return found


def certificate(scope: Scope, arn: str) -> Certificate:
    """Return the data of a certificate in ACM; the key only if it was imported."""
    with scope.entered():
        record = acm._certificates.get(arn) or {}
    parts = [record.get(name) for name in ("_private_key", "_pem_body", "_pem_chain")]
    pem = b""
    if parts[0] and parts[1]:
        texts = [part.encode() if isinstance(part, str) else bytes(part) for part in parts if part]
        pem = b"\n".join(text.strip() for text in texts) + b"\n"
    return Certificate(pem=pem, domain=str(record.get("DomainName", "")))
