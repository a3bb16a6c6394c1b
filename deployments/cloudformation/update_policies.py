"""How a template replaces the servers of an Auto Scaling group: its UpdatePolicy and its capacity.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html:
without a policy, an update replaces no servers; with a rolling policy, it does if one of `ROLLS` changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deployments.cloudformation.conditions import TemplateValues, mapping

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
