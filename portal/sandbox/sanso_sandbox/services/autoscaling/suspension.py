"""Suspended processes of a group: by request, or by a rolling update of CloudFormation.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html. Processes stay
suspended until they are resumed, even if the operation that suspended them fails.
"""

from collections.abc import Callable

from ministack.services import autoscaling

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Parameters, Record, Refused
from sanso_sandbox.services.autoscaling import activities

PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
_REASON = "User suspended at {at}"
_BY_CLOUDFORMATION = "User suspended at the request of CloudFormation"


def is_suspended(group: Record, *processes: str) -> bool:
    """Return whether one of these processes of a group is suspended."""
    return not set(processes).isdisjoint(row["ProcessName"] for row in describe(group))


def describe(group: Record) -> list[Record]:
    """Return the SuspendedProcesses for DescribeAutoScalingGroups."""
    rollout = group.get("_rollout")
    reasons = dict.fromkeys(rollout.suspended if rollout else (), _BY_CLOUDFORMATION)
    reasons |= group.get("_suspended", {})
    return [{"ProcessName": name, "SuspensionReason": reason} for name, reason in reasons.items()]


def group_of(parameters: Parameters) -> Record:
    """Return the group in a request. Raises Refused if it does not exist."""
    name = query.value(parameters, "AutoScalingGroupName")
    group: Record | None = autoscaling._asgs.get(name)
    if group is None:
        raise Refused(
            "ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
        )
    return group


def _suspend(parameters: Parameters) -> Record:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html"""
    group, processes = group_of(parameters), _processes(parameters)
    reasons = group.setdefault("_suspended", {})
    for name in processes:
        reasons.setdefault(name, _REASON.format(at=activities.now()))
    return {}


def _resume(parameters: Parameters) -> Record:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ResumeProcesses.html"""
    group, processes = group_of(parameters), _processes(parameters)
    for name in processes:
        group.get("_suspended", {}).pop(name, None)
    return {}


def _processes(parameters: Parameters) -> list[str]:
    """Return the processes in a request: "If you omit this property, all processes are specified"."""
    named = query.members(parameters, "ScalingProcesses")
    for name in named:
        if name not in PROCESSES:
            raise Refused("ValidationError", f"{name} is not a valid scaling process type")
    return named or list(PROCESSES)


ACTIONS: dict[str, Callable[[Parameters], Record]] = {
    "SuspendProcesses": _suspend,
    "ResumeProcesses": _resume,
}
