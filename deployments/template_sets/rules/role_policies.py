"""The roles in a template: their statements with functions resolved, and those without the boundary.

With RolesNeedBoundary, the service role of account.yaml may create roles, and give them policies, only if
they have the boundary: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::URLSuffix": "amazonaws.com"}
_PLACEHOLDER = re.compile(r"\$\{([^}!]+)\}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a policy. `keys` are the condition keys that it names, `condition` is JSON."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    keys: tuple[str, ...]
    condition: str = "{}"

    def names(self, action: str) -> bool:
        """Return whether the statement is about an action, or all of a pattern such as ec2:Describe*."""
        exact, patterns = _split(self.actions)
        return action.lower() in exact or any(fnmatchcase(action.lower(), one) for one in patterns)


@cache
def _split(actions: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the actions and the patterns of a statement, in lower case."""
    names = [one.lower() for one in actions]
    return frozenset(names), tuple(one for one in names if "*" in one)


@dataclass(frozen=True, slots=True)
class PolicyRole:
    """A role, or the permissions boundary: its policies by name, as JSON, and their statements."""

    name: str
    inline: Mapping[str, str]
    managed: Mapping[str, str]
    statements: tuple[Statement, ...]

    @property
    def allowed(self) -> Iterator[Statement]:
        """The statements that allow something."""
        return (one for one in self.statements if one.effect == "Allow")


class Template:
    """A template whose parameters have their defaults, or a text of their own."""

    def __init__(self, content: Mapping[str, Any], partition: str = "aws", **parameters: str) -> None:
        self.resources: dict[str, dict[str, Any]] = content["Resources"]
        self.conditions = content.get("Conditions", {})
        defaults = {name: one.get("Default", f"sanso-{name}") for name, one in content["Parameters"].items()}
        self.values = {**defaults, **_PSEUDO, "AWS::Partition": partition, **parameters}

    def roles(self) -> list[PolicyRole]:
        """Return the roles of the template, and each managed policy that no role has."""
        attached: set[str] = set()
        found = []
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::IAM::Role":
                inline = {one["PolicyName"]: one["PolicyDocument"] for one in self._policies(name, resource)}
                managed = self._managed(name, resource["Properties"])
                attached.update(managed)
                found.append(self._role(name, inline, managed))
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::IAM::ManagedPolicy" and name not in attached:
                found.append(self._role(name, {}, {name: resource["Properties"]["PolicyDocument"]}))
        return found

    def _policies(self, name: str, role: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from role["Properties"].get("Policies", ())
        for resource in self.resources.values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Policy" and {"Ref": name} in properties["Roles"]:
                yield properties

    def _managed(self, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Return the template's own managed policies of a role, by logical id."""
        own = {
            one["Ref"]
            for one in properties.get("ManagedPolicyArns", ())
            if isinstance(one, dict) and "Ref" in one
        }
        return {
            found: resource["Properties"]["PolicyDocument"]
            for found, resource in self.resources.items()
            if found in own or {"Ref": name} in resource.get("Properties", {}).get("Roles", ())
            if resource["Type"] == "AWS::IAM::ManagedPolicy"
        }

    def _role(self, name: str, inline: Mapping[str, Any], managed: Mapping[str, Any]) -> PolicyRole:
        own = {one: self._value(document) for one, document in inline.items()}
        shared = {one: self._value(document) for one, document in managed.items()}
        statements = [one for document in (*own.values(), *shared.values()) for one in document["Statement"]]
        return PolicyRole(
            name,
            {one: _text(document) for one, document in own.items()},
            {one: _text(document) for one, document in shared.items()},
            tuple(_statement(one) for one in statements if one),
        )

    def _value(self, found: Any) -> Any:
        if isinstance(found, list):
            return [one for one in map(self._value, found) if one is not None]
        if not isinstance(found, dict):
            return found
        if len(found) == 1:
            ((function, argument),) = found.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._called(function, argument)
        return {key: one for key, value in found.items() if (one := self._value(value)) is not None}

    def _called(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return None if argument == "AWS::NoValue" else self._named(argument)
        if function == "Fn::If":
            name, positive, negative = argument
            return self._value(positive if self._is_true(self.conditions[name]) else negative)
        if function == "Fn::Sub":
            text, own = (argument, {}) if isinstance(argument, str) else argument
            local = {name: str(self._value(value)) for name, value in own.items()}
            return _PLACEHOLDER.sub(lambda found: local.get(found[1]) or self._named(found[1]), text)
        if function == "Fn::GetAtt":
            return self._named(".".join(argument) if isinstance(argument, list) else argument)
        if function in ("Fn::Select", "Fn::Split"):
            return "sanso"
        raise NotImplementedError(function)

    def _named(self, name: str) -> str:
        """Return a parameter's value, or a name or ARN of a resource."""
        if name in self.values:
            return str(self.values[name])
        account = self.values["AWS::AccountId"]
        if name.endswith((".SecretArn", "Secret.Id")):
            return f"arn:aws:secretsmanager:{REGION}:{account}:secret:sanso-{name}"
        resource = self.resources[name.partition(".")[0]]
        kind = {
            "AWS::IAM::Role": (f"iam::{account}:role/", "RoleName"),
            "AWS::IAM::ManagedPolicy": (f"iam::{account}:policy/", "ManagedPolicyName"),
            "AWS::Logs::LogGroup": (f"logs:{REGION}:{account}:log-group:", "LogGroupName"),
            "AWS::Lambda::Function": (f"lambda:{REGION}:{account}:function:", "FunctionName"),
        }.get(resource["Type"])
        if kind is None:
            return f"sanso-{name}"
        own = resource["Properties"].get(kind[1])
        text = (
            f"arn:{self.values['AWS::Partition']}:{kind[0]}{own if isinstance(own, str) else f'sanso-{name}'}"
        )
        return f"{text}:*" if name.endswith(("Logs.Arn", "LogGroup.Arn")) else text

    def _is_true(self, condition: Any) -> bool:
        if condition == {}:
            return True
        ((function, argument),) = condition.items()
        if function == "Fn::Equals":
            one, other = map(self._value, argument)
            return bool(one == other)
        if function == "Fn::Not":
            return not self._is_true(argument[0])
        if function in ("Fn::And", "Fn::Or"):
            return (all if function == "Fn::And" else any)(map(self._is_true, argument))
        if function == "Condition":
            return self._is_true(self.conditions[argument])
        raise NotImplementedError(function)


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _statement(found: dict[str, Any]) -> Statement:
    return Statement(
        found["Effect"],
        _listed(found["Action"]),
        _listed(found.get("Resource", "*")),
        tuple(key for operator in found.get("Condition", {}).values() for key in operator),
        _text(found.get("Condition", {})),
    )


def _listed(found: Any) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else tuple(map(str, found))


ROLE: Final = "AWS::IAM::Role"
_NO_VALUE: Final = {"Ref": "AWS::NoValue"}
# They give a role policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
_WIDENING: Final = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


def roles_without_boundary(
    side: TemplateSide, boundary: str, before: TemplateSide | None = None
) -> list[str]:
    """Return the paths of the roles that the set creates without this boundary.

    A boundary that is not known before the stacks exist counts as the right one.

    Args:
        before: the set that the stacks have; roles that it has, with the same policies, are left out.
    """
    present = {path: _with_policies(stack) for path, stack in stacks_of(before).items()} if before else {}
    return [
        stack.at(name)
        for path, stack in stacks_of(side).items()
        for name, parts in _with_policies(stack).items()
        if not _has_boundary(stack, stack.resources[name], boundary)
        if present.get(path, {}).get(name) != parts
    ]


def _has_boundary(stack: TemplateStack, role: Mapping[str, Any], boundary: str) -> bool:
    declared = mapping(role.get("Properties")).get("PermissionsBoundary")
    value = _chosen(declared, stack.scope)
    if value is None or value == _NO_VALUE:
        return False
    found = stack.scope.literal(value)
    return found is None or (bool(found) and found == boundary)


def _chosen(value: Any, scope: TemplateValues) -> Any:
    """Return the branch of Fn::If that applies, or the value; the first one where that is unknown."""
    for _ in range(10):
        branches = value.get("Fn::If") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(branches, list) or len(branches) != 3:
            break
        value = branches[2 if scope.condition(branches[0]) is False else 1]
    return value


def _with_policies(stack: TemplateStack) -> dict[str, list[Any]]:
    """Return each role of a stack with its body and those of the resources that give it policies."""
    resources = stack.resources
    found: dict[str, list[Any]] = {
        name: [body] for name, body in resources.items() if body.get("Type") == ROLE
    }
    for name, body in resources.items():
        if body.get("Type") not in _WIDENING:
            continue
        properties = mapping(body.get("Properties"))
        roles = properties.get("Roles")
        for role in roles if isinstance(roles, list) else [properties.get("RoleName")]:
            named = role.get("Ref") if isinstance(role, dict) else None
            if isinstance(named, str) and named in found:
                found[named].append((name, body))
    return found
