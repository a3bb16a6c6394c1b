"""What the deletion of a stack leaves behind, as its templates say.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.core.conditions import Scope, mapping
from deployments.core.nested_templates import nested_in

RETAIN, SNAPSHOT = "Retain", "Snapshot"
_POLICIES = {"Retain": RETAIN, "RetainExceptOnCreate": RETAIN, "Snapshot": SNAPSHOT}
DEEPEST = 8
"""Nesting beyond which templates are not read."""


def policies(
    contents: Mapping[str, Mapping[str, Any]], root: str, values: Mapping[str, str]
) -> dict[str, str]:
    """Return RETAIN or SNAPSHOT by the path of each resource that has such a policy.

    What lies in a nested stack that is retained is retained with it.
    """
    found: dict[str, str] = {}
    _read(contents, root, values, "", found, 0)
    return found


def _read(
    contents: Mapping[str, Mapping[str, Any]],
    file: str,
    values: Mapping[str, str | None],
    path: str,
    found: dict[str, str],
    depth: int,
) -> None:
    template = contents.get(file)
    if template is None or depth > DEEPEST:
        return
    scope = Scope(template, values)
    for name, body in mapping(template.get("Resources")).items():
        if policy := _policy(mapping(body)):
            found[f"{path}/{name}".lstrip("/")] = policy
    for nested in nested_in(template, scope):
        inner = {name: scope.literal(value) for name, value in nested.parameters.items()}
        below = f"{path}/{nested.stack}".lstrip("/")
        _read(contents, nested.found_in(contents), inner, below, found, depth + 1)


def _policy(body: Mapping[str, Any]) -> str:
    """Return what stays of a resource, "" for nothing. A cluster without a policy leaves a snapshot."""
    written = body.get("DeletionPolicy")
    if isinstance(written, str):
        return _POLICIES.get(written, "")
    kind = body.get("Type")
    member = "DBClusterIdentifier" in mapping(body.get("Properties"))
    if kind == "AWS::RDS::DBCluster" or (kind == "AWS::RDS::DBInstance" and not member):
        return SNAPSHOT
    return ""
