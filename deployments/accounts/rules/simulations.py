"""What IAM is asked about a role: each action that account.yaml grants, on a resource that it grants it for.

The actions are those of the template of this version, not a list of their own. Resources do not have to
exist; conditions are met by the values that the statements name, those of the strict scope included, which a
role of the standard scope ignores.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from typing import Any, Final

from deployments.aws.permissions import handlers, reference
from deployments.aws.permissions.kinds import KINDS
from deployments.template_sets.rules.role_policies import PolicyRole, Statement

EVERYTHING: Final = "*"
_SOME: Final = "x"
"""What stands for a wildcard in the name of a resource."""
_PLACEHOLDER: Final = re.compile(r"\$\{\w+\}")
_RESOURCE: Final = 5
"""The part of an ARN that names the resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """One call about the statement with this number: `pairs` are the actions and resources that it is for.

    IAM decides about every action on every resource of a call; other pairs have no meaning. `context` has the
    condition keys of the request.
    """

    statement: int
    pairs: frozenset[tuple[str, str]]
    context: tuple[tuple[str, str], ...] = ()

    @property
    def actions(self) -> list[str]:
        """Return the actions of the call."""
        return sorted({action for action, _resource in self.pairs})

    @property
    def resources(self) -> list[str]:
        """Return the resources of the call."""
        return sorted({resource for _action, resource in self.pairs})


def simulations(role: PolicyRole, *, region: str, account: str) -> tuple[Simulation, ...]:
    """Return the calls that cover a role of account.yaml.

    Args:
        role: the role with the conditions of the strict scope.
        account: the number of the AWS account.
    """
    return tuple(
        Simulation(statement=number, pairs=pairs, context=context)
        for number, statement in enumerate(role.statements)
        if statement.effect == "Allow"
        for pairs in _pairs(statement, region, account)
        for context in _contexts(statement)
    )


def _pairs(statement: Statement, region: str, account: str) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield the pairs without a resource, and those with one: no call has both."""
    found = {
        (action, resource)
        for pattern in statement.actions
        for action in members(pattern)
        for resource in _resources(action, statement.resources, region, account)
    }
    for pairs in (
        frozenset(one for one in found if one[1] == EVERYTHING),
        frozenset(one for one in found if one[1] != EVERYTHING),
    ):
        if pairs:
            yield pairs


@cache
def members(pattern: str) -> tuple[str, ...]:
    """Return the actions to ask about for one that is granted; none that AWS's reference does not know.

    IAM simulates no patterns such as ec2:Describe*: those of its actions that handlers of the bundled set's
    types call stand for it, or else its first one.
    """
    known = reference.members(pattern)
    if "*" not in pattern:
        return known
    called = _called_by_handlers()
    return tuple(one for one in known if one in called) or known[:1]


@cache
def _called_by_handlers() -> frozenset[str]:
    """Return the actions that handlers of the bundled set's types call."""
    return frozenset(
        action
        for resource_type in KINDS
        for operation in handlers.operations(resource_type)
        for action in handlers.permissions(resource_type, operation)
    )


def _resources(action: str, patterns: Sequence[str], region: str, account: str) -> tuple[str, ...]:
    """Return an ARN for each pattern that is about a type of resource that the action supports."""
    types = _types(action)
    fitting = [one for one in patterns if not types or any(_overlap(one, two) for two in types)]
    found: dict[str, None] = {}
    for pattern in fitting or patterns:
        if pattern == EVERYTHING:
            found[EVERYTHING] = None
        elif pattern.split(":", _RESOURCE)[-1] == EVERYTHING:
            found.update(dict.fromkeys(_of_types(action, pattern, region, account)))
        else:
            found[concrete(pattern, region, account)] = None
    return tuple(found)


def _types(action: str) -> tuple[str, ...]:
    """Return the formats of the ARNs that an action supports."""
    row = reference.find(action)
    service = action.partition(":")[0]
    return tuple(reference.arn(service, kind) for kind in row.types) if row else ()


def _of_types(action: str, pattern: str, region: str, account: str) -> Iterator[str]:
    """Yield an ARN of each type that an action requires, or of the first optional one; "*" without types."""
    row, service = reference.find(action), action.partition(":")[0]
    kinds = (row.required or row.optional[:1]) if row else ()
    known = {"Partition": pattern.split(":")[1], "Region": region, "Account": account}
    for kind in kinds:
        arn = reference.arn(service, kind)
        for name, value in known.items():
            arn = arn.replace(f"${{{name}}}", value)
        yield concrete(_PLACEHOLDER.sub(_SOME, arn), region, account)
    if not kinds:
        yield EVERYTHING


def _overlap(pattern: str, type_format: str) -> bool:
    """Return whether a pattern of ARNs may be about a type: the service and the beginning are the same."""
    if pattern == EVERYTHING:
        return True
    one, other = pattern.split(":", _RESOURCE), type_format.split(":", _RESOURCE)
    if one[2] != other[2] or one[_RESOURCE] == EVERYTHING:
        return one[2] == other[2]
    kinds = [re.split("[:/]", parts[_RESOURCE])[0] for parts in (one, other)]
    return kinds[1].startswith("${") or kinds[0] == kinds[1]


def concrete(pattern: str, region: str, account: str) -> str:
    """Return an ARN that a pattern of ARNs matches."""
    parts = pattern.split(":", _RESOURCE)
    if len(parts) <= _RESOURCE:
        return pattern.replace(EVERYTHING, _SOME)
    parts[3] = parts[3].replace(EVERYTHING, region)
    parts[4] = parts[4].replace(EVERYTHING, account)
    return ":".join(part.replace(EVERYTHING, _SOME) for part in parts)


def _contexts(statement: Statement) -> Iterator[tuple[tuple[str, str], ...]]:
    """Yield the values of condition keys that meet a statement's conditions: each value that is named."""
    keys: dict[str, list[str]] = {}
    for operator, named in json.loads(statement.condition).items():
        if operator not in ("StringEquals", "StringLike"):
            raise NotImplementedError(operator)
        for key, values in named.items():
            listed = [values] if isinstance(values, str) else values
            keys[key] = [str(one).replace(EVERYTHING, _SOME) for one in listed]
    for chosen in product(*keys.values()):
        yield tuple(zip(keys, chosen, strict=True))


def missing_policy(role: PolicyRole, missing: Mapping[int, Sequence[str]]) -> str:
    """Return the policy with what a role lacks, as indented JSON.

    Args:
        role: the role as account.yaml grants it with the account's own parameters.
        missing: by the number of a statement, the actions that IAM does not allow.
    """
    statements = [
        _statement(role.statements[number], actions) for number, actions in sorted(missing.items()) if actions
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _statement(granted: Statement, actions: Sequence[str]) -> dict[str, Any]:
    """Return the part of a statement about some actions, as it names them: ec2:Describe* for one of them."""
    named = [
        next((one for one in granted.actions if fnmatchcase(action.lower(), one.lower())), action)
        for action in actions
    ]
    condition = json.loads(granted.condition)
    return {
        "Effect": "Allow",
        "Action": sorted(set(named)),
        "Resource": list(granted.resources),
        **({"Condition": condition} if condition else {}),
    }
