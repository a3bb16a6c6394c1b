"""The names of a template set's resources, for the ARNs in policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from deployments.aws.permissions import handlers, reference
from deployments.aws.permissions.kinds import KINDS
from deployments.cloudformation.conditions import UNKNOWN, mapping
from deployments.cloudformation.nested_templates import STACK, TemplateStack

STACK_NAMES: Final = "sanso-*"
"""Names that CloudFormation generates begin with that of the stack; a database's is in lower case."""
_SERVICES: Final = {"elasticloadbalancingv2": "elasticloadbalancing"}


Placed = tuple[TemplateStack, Mapping[str, Any]]
"""A resource with its stack."""


def names_of(
    stacks: Mapping[str, TemplateStack], placed: Iterable[Placed]
) -> dict[tuple[str, str], set[str]]:
    """Return the names of resources by service and type in the reference."""
    found: dict[tuple[str, str], set[str]] = {}
    for stack, body in placed:
        resource_type = str(body.get("Type") or "")
        for kind in own_types(resource_type):
            key = service_of(resource_type), kind
            found.setdefault(key, set()).add(name_of(stacks, stack, body))
    return found


@cache
def own_types(resource_type: str) -> tuple[str, ...]:
    """Return the types in the reference that have the name of a resource; a policy has that of no role.

    Of types that the bundled set does not use, these are the types that the creation requires.
    """
    if resource_type == "AWS::IAM::Policy":
        return ()
    if found := _FAMILIES.get(resource_type):
        return found
    if kind := KINDS.get(resource_type):
        return (family(kind),)
    created = next((one for one in handlers.permissions(resource_type, "create") if ":Create" in one), "")
    row = reference.find(created)
    return tuple(map(family, row.required)) if row else ()


def name_of(stacks: Mapping[str, TemplateStack], stack: TemplateStack, body: Mapping[str, Any]) -> str:
    """Return a resource's name, with "*" in place of what is not known; "*" for an id that AWS chooses."""
    resource_type, properties = str(body.get("Type") or ""), mapping(body.get("Properties"))
    declared = handlers.properties(resource_type)
    last = resource_type.rpartition("::")[2]
    choices = (f"{last}Name", f"{last}Identifier", "Name", _OTHER_NAMES.get(resource_type, ""))
    named = next((one for one in choices if one in declared), "")
    if resource_type == STACK:
        return STACK_NAMES
    if not named or resource_type.startswith("AWS::EC2::"):
        return "*"
    if properties.get(named) is None:
        return "CFN-*" if resource_type == "AWS::SSM::Parameter" else STACK_NAMES
    text = _partial(stacks, stack, properties[named]).replace(UNKNOWN, "*")
    return text.lower() if resource_type.startswith("AWS::RDS::") else text.lstrip("/")


def _partial(stacks: Mapping[str, TemplateStack], stack: TemplateStack, value: Any) -> str:
    """Return the text of a value with UNKNOWN in place of unknown parts; a parameter's is what is passed."""
    text = stack.scope.partial(value)
    passed = stack.passed.get(value["Ref"]) if isinstance(value, dict) and list(value) == ["Ref"] else None
    parent = stacks.get(stack.path.rpartition("/")[0])
    if text != UNKNOWN or passed is None or parent is None or not stack.path:
        return text
    return _partial(stacks, parent, passed)


_OTHER_NAMES: Final = {"AWS::Lambda::LayerVersion": "LayerName"}
_FAMILIES: Final = {"AWS::Lambda::LayerVersion": ("layer", "layerVersion")}


def service_of(resource_type: str) -> str:
    """Return the prefix of the actions of a type's service."""
    service = resource_type.split("::")[1].lower()
    return _SERVICES.get(service, service)


def family(kind: str) -> str:
    """Return the part of a type that load balancers of all kinds have in common."""
    return kind.partition("/")[0]
