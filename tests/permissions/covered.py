"""Whether statements cover the resource types of an action, by the formats of their ARNs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

from deployments.aws.permissions import reference
from deployments.aws.permissions.arn_patterns import has_wildcard_type
from deployments.template_sets.rules.role_policies import ACCOUNT, REGION, PolicyRole

# The names that matter, where they are not the environment's: implicit defaults, and names that AWS chooses.
NAMES = {
    ("rds", "og"): ("default:aurora-mysql-8-0",),
    ("rds", "pg"): ("default.aurora-mysql8.0",),
}
_PLACEHOLDER = re.compile(r"\$\{\w+\}")


def without_types(role: PolicyRole, action: str) -> bool:
    """Return whether an action that supports no resources is allowed on "*"."""
    return any(one.names(action) and "*" in one.resources for one in role.allowed)


def missing(role: PolicyRole, action: str, own: frozenset[str] | None = None) -> list[str]:
    """Return the resource types of an action that no statement covers: SERVICE:TYPE.

    Args:
        own: the types of the resource that a handler is for; an action with optional types only needs one of
            these, and without them at least one of all.
    """
    row = reference.find(action)
    if row is None:
        return []
    if not row.types:
        return [] if without_types(role, action) else [f"{action}: *"]
    found = [kind for kind in row.required if not _covers(role, action, kind)]
    if not row.required:
        wanted = [kind for kind in row.optional if own is None or kind in own] or list(row.optional)
        if not any(_covers(role, action, kind) for kind in wanted):
            found = wanted[:1]
    return [f"{action}: {kind}" for kind in found]


def passes(role: PolicyRole, role_arn: str, service: str) -> bool:
    """Return whether a role may pass another one, or itself, to a service: allowed, and not denied."""
    about = [
        one
        for one in role.statements
        if one.names("iam:PassRole") and any(fnmatchcase(role_arn, pattern) for pattern in one.resources)
        if _is_met(json.loads(one.condition), {"iam:PassedToService": service})
    ]
    return any(one.effect == "Allow" for one in about) and all(one.effect == "Allow" for one in about)


def _is_met(condition: dict[str, dict[str, str | list[str]]], context: dict[str, str]) -> bool:
    """Return whether a request with these keys meets a condition of equal or unequal texts."""
    for operator, keys in condition.items():
        is_negated = {"StringEquals": False, "StringNotEquals": True}[operator]
        for key, value in keys.items():
            listed = [value] if isinstance(value, str) else value
            if (context.get(key) in listed) == is_negated:
                return False
    return True


def _covers(role: PolicyRole, action: str, kind: str) -> bool:
    patterns = {pattern for one in role.allowed if one.names(action) for pattern in one.resources}
    usable = [pattern for pattern in patterns if not has_wildcard_type(pattern)]
    return all(
        any(names_some(arn, pattern) for pattern in usable) for arn in arns(action.partition(":")[0], kind)
    )


def arns(service: str, kind: str) -> Iterator[str]:
    """Yield the ARNs of a type to check: with the names above, or any name."""
    template = reference.arn(service, kind)
    account = (
        template.replace("${Partition}", "aws").replace("${Account}", ACCOUNT).replace("${Region}", REGION)
    )
    for name in NAMES.get((service, kind), ("*",)):
        yield _PLACEHOLDER.sub("*", _PLACEHOLDER.sub(name, account, count=1))


@cache
def names_some(arn: str, pattern: str) -> bool:
    """Return whether a pattern in a policy matches some of the ARNs of another pattern, part by part.

    The account is empty in the ARNs of AWS's own documents, parameters and images.
    """
    if pattern == "*":
        return True
    parts, others = arn.split(":", 5), pattern.split(":", 5)
    if len(others) == 6 and not others[4]:
        others[4] = parts[4]
    return len(others) == 6 and all(map(overlap, parts, others))


@cache
def overlap(one: str, other: str) -> bool:
    """Return whether a text exists that both patterns (* and ?) match."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(one, other[1:]) or overlap(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])
