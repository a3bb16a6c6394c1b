"""The Auto Scaling actions: groups as in their records, changes of capacity, activities."""

from collections.abc import Callable

from ministack.services import autoscaling

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Record, Refused
from sanso_sandbox.services.autoscaling import activities, fleet, groups, suspension
from sanso_sandbox.services.autoscaling.suspension import group_of as _group

PAGE = 100


def install() -> None:
    """Install the actions."""
    actions: dict[str, Callable[[Parameters], Record]] = {
        "CreateAutoScalingGroup": _create,
        "UpdateAutoScalingGroup": _update,
        "DeleteAutoScalingGroup": _delete,
        "SetDesiredCapacity": _set_desired_capacity,
        "DescribeAutoScalingGroups": _describe_groups,
        "DescribeAutoScalingInstances": _describe_instances,
        "DescribeScalingActivities": _describe_activities,
        "TerminateInstanceInAutoScalingGroup": _terminate_instance,
        "SetInstanceHealth": _set_instance_health,
        "StartInstanceRefresh": _start_instance_refresh,
        "DescribeInstanceRefreshes": _describe_instance_refreshes,
        **suspension.ACTIONS,
        "AttachLoadBalancerTargetGroups": _attach_target_groups,
        "DetachLoadBalancerTargetGroups": _detach_target_groups,
    }
    for name, action in actions.items():
        autoscaling._ACTION_MAP[name] = _answering(name, action)
    # MiniStack would add ids to the group that do not belong to instances.
    autoscaling._reconcile_instances = fleet.advance


def _answering(name: str, action: Callable[[Parameters], Record]) -> Action:
    def answering(parameters: Parameters) -> Answer:
        answer: Answer
        try:
            content = action(parameters)
        except Refused as refused:
            answer = autoscaling._error(refused.code, query.xml(str(refused)))
        else:
            answer = autoscaling._xml(
                200, f"{name}Response", f"<{name}Result>{query.xml(content)}</{name}Result>"
            )
        return answer

    return answering


_engine_create = autoscaling._create_asg
_engine_update = autoscaling._update_asg


def _create(parameters: Parameters) -> Record:
    name = query.value(parameters, "AutoScalingGroupName")
    if name in autoscaling._asgs:
        raise Refused(
            "AlreadyExists",
            "AutoScalingGroup by this name already exists - A group with the name already exists",
        )
    _engine_create(parameters)
    group = autoscaling._asgs[name]
    fleet.attach(group, query.members(parameters, "TargetGroupARNs"))
    return {}


def _update(parameters: Parameters) -> Record:
    group = _group(parameters)
    _engine_update(parameters)
    template = {
        name: query.value(parameters, f"LaunchTemplate.{name}")
        for name in ("LaunchTemplateId", "LaunchTemplateName", "Version")
        if query.value(parameters, f"LaunchTemplate.{name}")
    }
    if template:
        group["LaunchTemplate"] = {"Version": "$Default", **template}
    _require_capacity(group, group["DesiredCapacity"])
    return {}


def _require_capacity(group: Record, desired: int) -> None:
    if not group["MinSize"] <= desired <= group["MaxSize"]:
        raise Refused(
            "ValidationError",
            f"New SetDesiredCapacity value {desired} is outside the limits "
            f"{group['MinSize']} and {group['MaxSize']} of the group.",
        )


def _set_desired_capacity(parameters: Parameters) -> Record:
    group = _group(parameters)
    desired = int(query.value(parameters, "DesiredCapacity"))
    _require_capacity(group, desired)
    group["DesiredCapacity"] = desired
    return {}


def _delete(parameters: Parameters) -> Record:
    group = _group(parameters)
    if group["Instances"] and query.value(parameters, "ForceDelete") != "true":
        raise Refused(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
            "request(s) still in the group.",
        )
    group["_delete"] = True
    groups.empty(group)
    return {}


def _describe_groups(parameters: Parameters) -> Record:
    names = query.members(parameters, "AutoScalingGroupNames")
    wanted = {
        row.get("Name", ""): [part for key, part in row.items() if key.startswith("Values")]
        for row in query.structures(parameters, "Filters")
    }
    found = [
        _shape(group)
        for name, group in autoscaling._asgs.items()
        if (not names or name in names) and query.matches(wanted, {}, group["Tags"])
    ]
    return {"AutoScalingGroups": found}


def _shape(group: Record) -> Record:
    plain = (
        *("AutoScalingGroupName", "AutoScalingGroupARN", "MinSize", "MaxSize", "DesiredCapacity"),
        *("DefaultCooldown", "AvailabilityZones", "HealthCheckType", "HealthCheckGracePeriod"),
        *("CreatedTime", "VPCZoneIdentifier", "TerminationPolicies", "NewInstancesProtectedFromScaleIn"),
    )
    refreshes = [row for row in group.get("InstanceRefreshes", []) if row["Status"] == "InProgress"]
    return {
        **{name: group[name] for name in plain},
        "LaunchTemplate": group["LaunchTemplate"] or None,
        "LaunchConfigurationName": group.get("LaunchConfigurationName") or None,
        "TargetGroupARNs": group.get("TargetGroupARNs", []),
        "LoadBalancerNames": [],
        "SuspendedProcesses": suspension.describe(group),
        "EnabledMetrics": [],
        "Status": "Delete in progress" if group.get("_delete") else None,
        "Instances": [_member_shape(member) for member in group["Instances"]],
        "Tags": [
            {**tag, "ResourceId": group["AutoScalingGroupName"], "ResourceType": "auto-scaling-group"}
            for tag in group["Tags"]
        ],
        "ServiceLinkedRoleARN": group.get("ServiceLinkedRoleARN") or None,
        "InstanceRefreshInProgress": bool(refreshes) or None,
    }


def _member_shape(member: Record) -> Record:
    shape = {name: part for name, part in member.items() if not name.startswith("_")}
    return {
        **shape,
        "LaunchTemplate": member["LaunchTemplate"] or None,
        "LaunchConfigurationName": member["LaunchConfigurationName"] or None,
    }


def _describe_instances(parameters: Parameters) -> Record:
    ids = query.members(parameters, "InstanceIds")
    rows = [
        {**_member_shape(member), "AutoScalingGroupName": name}
        for name, group in autoscaling._asgs.items()
        for member in group["Instances"]
        if not ids or member["InstanceId"] in ids
    ]
    return {"AutoScalingInstances": rows}


def _describe_activities(parameters: Parameters) -> Record:
    name = query.value(parameters, "AutoScalingGroupName")
    if name:
        _group(parameters)
    ids = query.members(parameters, "ActivityIds")
    rows = [
        activity
        for key, group in autoscaling._asgs.items()
        if not name or key == name
        for activity in group.get("_activities", [])
        if not ids or activity["ActivityId"] in ids
    ]
    start = int(query.value(parameters, "NextToken") or 0)
    size = int(query.value(parameters, "MaxRecords") or PAGE)
    following = str(start + size) if start + size < len(rows) else None
    return {"Activities": rows[start : start + size], "NextToken": following}


def _member(instance_id: str) -> tuple[Record, Record]:
    for group in autoscaling._asgs.values():
        for member in group["Instances"]:
            if member["InstanceId"] == instance_id:
                return group, member
    raise Refused(
        "ValidationError", f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
    )


def _terminate_instance(parameters: Parameters) -> Record:
    group, member = _member(query.value(parameters, "InstanceId"))
    if query.value(parameters, "ShouldDecrementDesiredCapacity") == "true":
        _require_capacity(group, group["DesiredCapacity"] - 1)
        group["DesiredCapacity"] -= 1
    fleet.take_out(group, member, "instance was taken out of service in response to a user request.")
    return {"Activity": member["_activity"]}


def _set_instance_health(parameters: Parameters) -> Record:
    _found, member = _member(query.value(parameters, "InstanceId"))
    member["HealthStatus"] = query.value(parameters, "HealthStatus")
    member.pop("_ailment", None)
    return {}


def _start_instance_refresh(parameters: Parameters) -> Record:
    group = _group(parameters)
    autoscaling._start_instance_refresh(parameters)
    refresh = group["InstanceRefreshes"][0]
    refresh.update(Status="InProgress", StatusReason="", EndTime="", PercentageComplete=0)
    refresh["InstancesToUpdate"] = len(fleet.present(group))
    fleet.replace_all(group)
    refresh["StartTime"] = activities.now()
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


def _describe_instance_refreshes(parameters: Parameters) -> Record:
    ids = query.members(parameters, "InstanceRefreshIds")
    plain = ("InstanceRefreshId", "AutoScalingGroupName", "Status", "StartTime", "PercentageComplete")
    rows = [
        {
            **{name: refresh[name] for name in plain},
            "StatusReason": refresh["StatusReason"] or None,
            "EndTime": refresh["EndTime"] or None,
            "InstancesToUpdate": refresh["InstancesToUpdate"],
        }
        for refresh in _group(parameters).get("InstanceRefreshes", [])
        if not ids or refresh["InstanceRefreshId"] in ids
    ]
    return {"InstanceRefreshes": rows}


def _attach_target_groups(parameters: Parameters) -> Record:
    group = _group(parameters)
    added = query.members(parameters, "TargetGroupARNs")
    fleet.attach(group, list(dict.fromkeys([*group.get("TargetGroupARNs", []), *added])))
    return {}


def _detach_target_groups(parameters: Parameters) -> Record:
    group = _group(parameters)
    removed = query.members(parameters, "TargetGroupARNs")
    fleet.attach(group, [key for key in group.get("TargetGroupARNs", []) if key not in removed])
    return {}
