"""The IAM roles that a template set creates or widens without the permissions boundary of the account.

With RolesNeedBoundary, the service role of account.yaml may create roles, and give them policies, only if
they have the boundary: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of

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
