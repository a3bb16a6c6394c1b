"""The resources that the deletion of a stack leaves behind, from its templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import StackLimit, nested_in

RETAIN, SNAPSHOT = "Retain", "Snapshot"
_POLICIES = {"Retain": RETAIN, "RetainExceptOnCreate": RETAIN, "Snapshot": SNAPSHOT}
_EXPORTS = {
    "AWS::RDS::DBCluster": "/aws/rds/cluster/{}/",
    "AWS::RDS::DBInstance": "/aws/rds/instance/{}/",
}
DEEPEST = 8
"""Maximum depth of nested templates to read."""


def policies(
    contents: Mapping[str, Mapping[str, Any]], root: str, values: Mapping[str, str]
) -> dict[str, str]:
    """Return RETAIN or SNAPSHOT by the path of each resource that has such a policy.

    The resources of a retained nested stack are retained with it.
    """
    bodies = _resources(contents, root, values)
    return {path: policy for path, body in bodies if (policy := _policy(body))}


def log_exporters(
    contents: Mapping[str, Mapping[str, Any]], root: str, values: Mapping[str, str]
) -> dict[str, str]:
    """Return the log group prefix of each database that exports logs, by its path; "{}" stands for its id.

    RDS creates these groups, and neither RDS nor a stack deletes them:
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Integrating.CloudWatch.html
    """
    bodies = _resources(contents, root, values)
    return {
        path: _EXPORTS[body["Type"]]
        for path, body in bodies
        if body.get("Type") in _EXPORTS and mapping(body.get("Properties")).get("EnableCloudwatchLogsExports")
    }


def _resources(
    contents: Mapping[str, Mapping[str, Any]],
    file: str,
    values: Mapping[str, str | None],
    path: str = "",
    limit: StackLimit | None = None,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path and the body of each resource of a template and its nested templates."""
    template, limit = contents.get(file), limit or StackLimit()
    if template is None or path.count("/") >= DEEPEST or not limit.takes(template):
        return
    scope = TemplateValues(template, values)
    for name, body in mapping(template.get("Resources")).items():
        yield f"{path}/{name}".lstrip("/"), mapping(body)
    for nested in nested_in(template, scope):
        inner = {name: scope.literal(value) for name, value in nested.parameters.items()}
        below = f"{path}/{nested.stack}".lstrip("/")
        yield from _resources(contents, nested.found_in(contents), inner, below, limit)


def _policy(body: Mapping[str, Any]) -> str:
    """Return what remains of a resource, "" for nothing. A cluster without a policy leaves a snapshot."""
    written = body.get("DeletionPolicy")
    if isinstance(written, str):
        return _POLICIES.get(written, "")
    kind = body.get("Type")
    member = "DBClusterIdentifier" in mapping(body.get("Properties"))
    if kind == "AWS::RDS::DBCluster" or (kind == "AWS::RDS::DBInstance" and not member):
        return SNAPSHOT
    return ""
