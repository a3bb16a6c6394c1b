"""What CloudFormation's role needs for a template set beyond account.yaml, by the data of `make check-roles`.

For each resource: the permissions in the schema of its type and their dependent actions, for the names that
the templates give, without writes that only properties trigger which the resource does not have
(`exemptions`). What account.yaml grants for the names of environments is needed under the same conditions,
such as the boundary of roles. Other reads are needed on "*", as account.yaml grants them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice
from typing import Any, Final

from deployments.aws.permissions import exemptions, handlers, reference
from deployments.aws.permissions.exemptions import Exemption
from deployments.aws.permissions.kinds import KINDS
from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import TemplateSide, stacks_of
from deployments.template_sets.rules.role_policies import PolicyRole, Statement
from deployments.template_sets.rules.set_names import (
    STACK_NAMES,
    family,
    name_of,
    names_of,
    own_types,
    service_of,
)

MANAGED: Final = 6_144
"""Characters of a managed policy, without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
READ: Final = 20_000
MOST: Final = 2_000
"""Maximum number of resources to read, and of those that differ in type, name or triggering properties."""
_PLACEHOLDER: Final = re.compile(r"\$\{\w+\}")
_LINKED_ROLES: Final = "arn:${Partition}:iam::${Account}:role/aws-service-role/*"
_SERVICE_ROLE: Final = "arn:${Partition}:iam::${Account}:role/sanso-cloudformation"
_STACK: Final = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNeeds:
    """The statements that a set needs beyond account.yaml, and what no statement can be given for.

    `unknown` are permissions of the schemas that the authorization reference does not know; `schemaless` are
    types of AWS without a schema. Without `is_complete`, the set has more resources than were read.
    """

    statements: tuple[Statement, ...]
    unknown: tuple[str, ...] = ()
    schemaless: tuple[str, ...] = ()
    is_complete: bool = True

    def policies(self) -> list[str]:
        """Return the documents as indented JSON, each small enough for a managed policy.

        The role's inline policies have no room for them: account.yaml's need most of the characters.
        """
        found: list[list[dict[str, Any]]] = [[]]
        for one in map(_json, self.statements):
            if found[-1] and len(_document([*found[-1], one])) > MANAGED:
                found.append([])
            found[-1].append(one)
        return [_document(statements, indent=2) for statements in found if statements]


def _json(statement: Statement) -> dict[str, Any]:
    condition = json.loads(statement.condition)
    return {
        "Effect": statement.effect,
        "Action": list(statement.actions),
        "Resource": list(statement.resources),
        **({"Condition": condition} if condition else {}),
    }


def _document(statements: list[dict[str, Any]], indent: int | None = None) -> str:
    separators = None if indent else (",", ":")
    return json.dumps(
        {"Version": "2012-10-17", "Statement": statements}, indent=indent, separators=separators
    )


def beyond(side: TemplateSide, role: PolicyRole, *, partition: str = "aws", account: str = "*") -> SetNeeds:
    """Return what the service role of account.yaml lacks for the resources of a set.

    Args:
        role: CloudFormation's role, with its statements for the same partition and account.
    """
    stacks = stacks_of(_with_stack_names(side, partition, account))
    every = ((stack, body) for stack in stacks.values() for body in stack.resources.values())
    placed = list(islice(every, READ + 1))
    found = _Found(names_of(stacks, placed), role, partition, account)
    for stack, body in placed:
        found.add(str(body.get("Type") or ""), _given(stack.scope, body), name_of(stacks, stack, body))
    return SetNeeds(
        statements=tuple(_grouped(found.missing)),
        unknown=tuple(sorted(found.unknown)),
        schemaless=tuple(sorted(found.schemaless)),
        is_complete=len(found.seen) <= MOST and len(placed) <= READ,
    )


def _with_stack_names(side: TemplateSide, partition: str, account: str) -> TemplateSide:
    """Return a set whose templates know what the names of its stacks begin with."""
    known = {"AWS::StackName": STACK_NAMES, "AWS::Partition": partition, "AWS::AccountId": account}
    declared = {name: {"Default": value} for name, value in known.items()}
    templates = {
        file: {**template, "Parameters": {**mapping(template.get("Parameters")), **declared}}
        for file, template in side.templates.items()
    }
    return replace(side, templates=templates)


def _given(scope: TemplateValues, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the properties of a resource, with the texts that are known beforehand."""
    return {
        str(name): value if (text := scope.literal(value)) is None else text
        for name, value in mapping(body.get("Properties")).items()
        if value != {"Ref": "AWS::NoValue"}
    }


@dataclass(slots=True)
class _Found:
    """Collects what is not granted."""

    names: Mapping[tuple[str, str], set[str]]
    role: PolicyRole
    partition: str
    account: str
    missing: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """The ARNs by action and condition."""
    seen: set[tuple[str, str, frozenset[Exemption]]] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    schemaless: set[str] = field(default_factory=set)

    def add(self, resource_type: str, given: Mapping[str, Any], own: str) -> None:
        """Collect what a resource with these properties and this name needs."""
        if resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource":
            self._require("lambda:InvokeFunction", self._arns("lambda", "function", None))
            return
        if not resource_type.startswith("AWS::"):
            return
        triggered = frozenset(one for one in _exemptions(resource_type) if one.is_triggered(given))
        key = resource_type, own, triggered
        if key in self.seen or len(self.seen) > MOST:
            return
        self.seen.add(key)
        if not handlers.operations(resource_type):
            self.schemaless.add(resource_type)
        for action in _permissions(resource_type, triggered):
            self._need(action, resource_type, own)

    def _need(self, action: str, resource_type: str, own: str) -> None:
        row, is_granted = reference.find(action), any(one.names(action) for one in self.role.allowed)
        if self._is_unknown(action, resource_type):
            if not is_granted and not reference.is_read(action):
                self.unknown.add(action)
        elif row is None or not row.types or (reference.is_read(action) and not is_granted):
            self._require(action, ["*"])
        else:
            for arns in self._resources(action, row, resource_type, own):
                self._require(action, arns if is_granted or arns else ["*"])

    def _is_unknown(self, action: str, resource_type: str) -> bool:
        is_covered = reference.knows(action.partition(":")[0]) or resource_type in KINDS
        return is_covered and not reference.members(action)

    def _resources(
        self, action: str, row: reference.ActionRow, resource_type: str, own: str
    ) -> Iterator[list[str]]:
        """Yield the ARNs of each type of an action that it needs."""
        service = action.partition(":")[0]
        if action == "iam:CreateServiceLinkedRole":
            yield [self._filled(_LINKED_ROLES)]
        elif action == "iam:PassRole" and resource_type == _STACK:  # to CloudFormation, with nested stacks
            yield [self._filled(_SERVICE_ROLE)]
        elif action == "iam:PassRole" and resource_type not in KINDS:  # to another service
            named = [
                self._filled(reference.arn("iam", "role"), STACK_NAMES),
                *self._arns("iam", "role", None),
            ]
            self.missing.setdefault((action, "{}"), set()).update(named)
        else:
            families = own_types(resource_type) if service == service_of(resource_type) else ()
            for kind in self._kinds(service, row):
                yield self._arns(service, kind, own if family(kind) in families else None)

    def _kinds(self, service: str, row: reference.ActionRow) -> Sequence[str]:
        """Return the types of an action that it needs: required ones, and others that the set has."""
        known = [one for one in row.optional if (service, family(one)) in self.names]
        return [*row.required, *known] or row.optional[:1]

    def _arns(self, service: str, kind: str, own: str | None) -> list[str]:
        """Return the ARNs of a type: of this resource, else of all such resources of the set."""
        names = {own} if own is not None else self.names.get((service, family(kind)), set())
        return [self._filled(reference.arn(service, kind), name) for name in sorted(names)]

    def _filled(self, arn: str, name: str = "*") -> str:
        known = {"Partition": self.partition, "Region": "*", "Account": self.account, "GroupId": "*"}
        for placeholder, value in known.items():
            arn = arn.replace(f"${{{placeholder}}}", value)
        return _PLACEHOLDER.sub("*", _PLACEHOLDER.sub(lambda _found: name, arn, count=1))

    def _require(self, action: str, arns: Sequence[str]) -> None:
        granted = [one for one in self.role.allowed if one.names(action)]
        for arn in arns:
            if any(fnmatchcase(arn, pattern) for one in granted for pattern in one.resources):
                continue
            alike = (one for one in granted if any(_alike(arn, pattern) for pattern in one.resources))
            condition = _with_wildcards(next((one.condition for one in alike), "{}"))
            self.missing.setdefault((action, condition), set()).add(arn)


@cache
def _exemptions(resource_type: str) -> tuple[Exemption, ...]:
    return tuple(one for one in exemptions.TABLE if one.resource_type == resource_type)


@cache
def _permissions(resource_type: str, triggered: frozenset[Exemption]) -> tuple[str, ...]:
    """Return the permissions of a type's handlers and their dependent actions, without exempt ones.

    Args:
        triggered: the exemptions that do not apply.
    """
    found: set[str] = set()
    for operation in handlers.operations(resource_type):
        for action in handlers.permissions(resource_type, operation):
            exemption = exemptions.of(resource_type, action)
            if exemption and exemption not in triggered and not reference.is_read(action):
                continue
            row = reference.find(action)
            found.add(action)
            found.update(
                one
                for one in (row.dependent if row else ())
                if (other := exemptions.of(resource_type, one)) is None or other in triggered
            )
    return tuple(sorted(found))


@cache
def _with_wildcards(condition: str) -> str:
    """Return a condition that compares values with wildcards, such as "*" for any account, as patterns."""
    found: dict[str, dict[str, Any]] = {}
    for operator, keys in json.loads(condition).items():
        for key, value in keys.items():
            is_pattern = operator == "StringEquals" and "*" in str(value)
            found.setdefault("StringLike" if is_pattern else operator, {})[key] = value
    return json.dumps(found)


def _alike(arn: str, pattern: str) -> bool:
    """Return whether two ARNs are of the same type: what is before the name is the same."""
    return _kind(arn) == _kind(pattern)


def _kind(arn: str) -> tuple[str, str]:
    parts = arn.split(":", 5)
    return (parts[2], re.split("[:/]", parts[5])[0]) if len(parts) == 6 else ("", arn)


def _grouped(missing: Mapping[tuple[str, str], set[str]]) -> Iterator[Statement]:
    """Yield one statement for the actions with the same resources and conditions."""
    groups: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (action, condition), arns in sorted(missing.items()):
        groups.setdefault((tuple(sorted(arns)), condition), []).append(action)
    for (resources, condition), actions in groups.items():
        keys = tuple(key for operator in json.loads(condition).values() for key in operator)
        yield Statement("Allow", tuple(actions), resources, keys, condition)
