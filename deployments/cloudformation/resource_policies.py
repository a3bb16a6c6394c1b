"""What templates keep when a stack is deleted, and how they replace servers: their policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html:
without a policy, an update replaces no servers; with a rolling policy, it does if one of `ROLLS` changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
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


ROLLS = (
    "LaunchConfigurationName",
    "LaunchTemplate",
    "MixedInstancesPolicy",
    "PlacementGroup",
    "VPCZoneIdentifier",
)
"""The properties of a group whose change replaces its servers."""


class Method(StrEnum):
    """How servers are replaced."""

    NONE = "none"  # existing servers stay; only later launches differ
    ROLLING = "rolling"
    GROUP = "group"  # a new group with all servers is created, then the old one is deleted
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUpdate:
    """The method, with the numbers of servers (None if not known beforehand).

    `batch` servers are replaced at once while at least `in_service` of `capacity` remain; `waits`: the next
    batch follows when the new servers have signaled.
    """

    method: Method = Method.NONE
    batch: int | None = None
    in_service: int | None = None
    capacity: int | None = None
    waits: bool = False

    @property
    def interrupts(self) -> bool:
        """Return whether no server is in service for a while."""
        return self.method is Method.ROLLING and self.in_service == 0 and self.capacity == 1


def server_update(body: Mapping[str, object], scope: TemplateValues) -> ServerUpdate:
    """Return how a group with this body in a template is updated, with the parameters of the scope."""
    if not body:
        return ServerUpdate(method=Method.UNKNOWN)
    properties = mapping(body.get("Properties"))
    capacity = _number(properties.get("DesiredCapacity"), scope)
    if capacity is None and "DesiredCapacity" not in properties:
        capacity = _number(properties.get("MinSize"), scope)
    policy = mapping(body.get("UpdatePolicy"))
    if scope.literal(mapping(policy.get("AutoScalingReplacingUpdate")).get("WillReplace")) == "true":
        return ServerUpdate(method=Method.GROUP, capacity=capacity)
    if "AutoScalingRollingUpdate" not in policy:
        return ServerUpdate(method=Method.NONE if not policy else Method.UNKNOWN, capacity=capacity)
    rolling = mapping(policy["AutoScalingRollingUpdate"])
    return ServerUpdate(
        method=Method.ROLLING,
        batch=_number(rolling.get("MaxBatchSize", 1), scope),
        in_service=_number(rolling.get("MinInstancesInService", 0), scope),
        capacity=capacity,
        waits=scope.literal(rolling.get("WaitOnResourceSignals")) == "true",
    )


def _number(value: object, scope: TemplateValues) -> int | None:
    text = scope.literal(value)
    return int(text) if text is not None and text.isdigit() else None
