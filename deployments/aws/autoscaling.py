"""The gateway to EC2 Auto Scaling: groups, their instances and their activities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

AT_ONCE = 100
"""Groups or activities in one call
(https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInstance:
    """An instance of a group. Lifecycle and health are the API's values: `InService`, `Healthy`."""

    instance_id: str
    zone: str
    lifecycle: str
    health: str
    launch_template_version: str = ""
    instance_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An Auto Scaling group with its capacity, instances, target groups (ARNs) and suspended processes."""

    name: str
    desired: int
    minimum: int
    maximum: int
    instances: tuple[GroupInstance, ...] = ()
    target_groups: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingActivity:
    """A scaling activity. `progress` is 0 to 100; `ended_at` is None until it has ended."""

    activity_id: str
    group: str
    status: str
    description: str
    cause: str
    message: str
    progress: int
    started_at: datetime
    ended_at: datetime | None = None


class AutoScaling(Protocol):
    """The calls to Auto Scaling that the runner makes."""

    def groups(self, names: Sequence[str]) -> list[Group]:
        """Return those of the groups that exist."""
        ...

    def activities(self, group: str, limit: int) -> list[ScalingActivity]:
        """Return the group's latest activities, newest first. Raise AwsNotFound if the group is gone."""
        ...

    def suspend(self, group: str, processes: Sequence[str]) -> None:
        """Suspend processes of a group, such as ReplaceUnhealthy. A second call has no effect."""
        ...

    def resume(self, group: str, processes: Sequence[str]) -> None:
        """Resume processes of a group; a second call has no effect. Raise AwsNotFound if it is gone."""
        ...


class AutoScalingGateway:
    """Auto Scaling through boto3; the protocol above documents the methods."""

    def __init__(self, client: AutoScalingClient) -> None:
        self._client = client

    def groups(self, names: Sequence[str]) -> list[Group]:
        paginator = self._client.get_paginator("describe_auto_scaling_groups")
        found: list[Group] = []
        for first in range(0, len(names), AT_ONCE):  # without names, the API returns every group
            pages = paginator.paginate(
                AutoScalingGroupNames=list(names[first : first + AT_ONCE]),
                PaginationConfig={"PageSize": AT_ONCE},
            )
            with calling("autoscaling:DescribeAutoScalingGroups"):
                found += [_group(row) for page in pages for row in page["AutoScalingGroups"]]
        return found

    def activities(self, group: str, limit: int) -> list[ScalingActivity]:
        pages = self._client.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName=group,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, AT_ONCE)},
        )
        with calling("autoscaling:DescribeScalingActivities"):
            return [_activity(row) for page in pages for row in page["Activities"]]

    def suspend(self, group: str, processes: Sequence[str]) -> None:
        with calling("autoscaling:SuspendProcesses"):
            self._client.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))

    def resume(self, group: str, processes: Sequence[str]) -> None:
        with calling("autoscaling:ResumeProcesses"):
            self._client.resume_processes(AutoScalingGroupName=group, ScalingProcesses=list(processes))


def _group(row: Any) -> Group:
    return Group(
        name=row["AutoScalingGroupName"],
        desired=row["DesiredCapacity"],
        minimum=row["MinSize"],
        maximum=row["MaxSize"],
        instances=tuple(
            GroupInstance(
                instance_id=one["InstanceId"],
                zone=one["AvailabilityZone"],
                lifecycle=one["LifecycleState"],
                health=one["HealthStatus"],
                launch_template_version=one.get("LaunchTemplate", {}).get("Version", ""),
                instance_type=one.get("InstanceType", ""),
            )
            for one in row.get("Instances", [])
        ),
        target_groups=tuple(row.get("TargetGroupARNs", [])),
        suspended=tuple(one.get("ProcessName", "") for one in row.get("SuspendedProcesses", [])),
    )


def _activity(row: Any) -> ScalingActivity:
    return ScalingActivity(
        activity_id=row["ActivityId"],
        group=row["AutoScalingGroupName"],
        status=row["StatusCode"],
        description=row.get("Description", ""),
        cause=row["Cause"],
        message=row.get("StatusMessage", ""),
        progress=row.get("Progress", 0),
        started_at=row["StartTime"],
        ended_at=row.get("EndTime"),
    )
