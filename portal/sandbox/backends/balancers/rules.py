"""The rules of a listener: what a request has to be like, and what is done with it then. Pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

import ipaddress
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

FIELDS = ("path-pattern", "host-header", "http-request-method", "http-header", "source-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition: any of its patterns must be met."""

    field: str
    header: str  # of an http-header condition
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All conditions must be met; then the action is taken."""

    conditions: tuple[Condition, ...]
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What conditions look at. Header names are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    client: str


def read_rule(record: Mapping[str, Any]) -> Rule | None:
    """Read a rule; None for one with a condition that is not known here, which then is never met."""
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


def groups_of(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    """List the target groups that an action forwards to, with their weights."""
    if action.get("Type") not in (None, "forward"):
        return []
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    named = [(str(one.get("TargetGroupArn") or ""), int(one.get("Weight") or 1)) for one in several]
    return [(group, weight) for group, weight in named if group]


def met(rule: Rule, request: Request) -> bool:
    """Tell whether a request meets every condition of a rule."""
    return all(_meets(condition, request) for condition in rule.conditions)


def _meets(condition: Condition, request: Request) -> bool:
    match condition.field:
        case "path-pattern":
            return any(_like(request.path, pattern) for pattern in condition.patterns)
        case "http-request-method":
            return request.method in condition.patterns
        case "source-ip":
            client = ipaddress.ip_address(request.client)
            return any(client in ipaddress.ip_network(one, strict=False) for one in condition.patterns)
    name = "host" if condition.field == "host-header" else condition.header
    value = request.headers.get(name, "")
    if name == "host":
        value = value.partition(":")[0]
    return any(_like(value.lower(), pattern.lower()) for pattern in condition.patterns)


def _like(text: str, pattern: str) -> bool:
    return re.match(expression(pattern), text, re.DOTALL) is not None


def expression(pattern: str) -> str:
    """Spell a pattern with * and ? as a regular expression for the whole text."""
    parts = {"*": ".*", "?": "."}
    return "^" + "".join(parts.get(letter) or re.escape(letter) for letter in pattern) + "$"
