"""The instances of a group, step by step: launched, in service, unhealthy, draining, terminated.

`advance` takes all steps that are due. The heartbeat calls it, and so does every change of a group.
"""

import threading
import time

from ministack.services import alb, autoscaling, ec2

from sanso_sandbox.engine.registry import Record, Refused
from sanso_sandbox.engine.time_scale import Wait, shortened
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.autoscaling import activities, launching, suspension
from sanso_sandbox.services.autoscaling.rolling import Rollout
from sanso_sandbox.services.ec2 import instances
from sanso_sandbox.services.elbv2 import target_health, targets

BOOT = 25.0  # AWS's seconds from the launch until an instance is in service
RETRY = 60.0  # seconds until a failed launch is retried
LEAST_GRACE = 20.0  # minimum grace period in seconds at any time scale, because configuration takes real time

PRESENT = ("Pending", "InService")

_lock = threading.RLock()


def advance_all() -> None:
    """Take all steps that are due in the groups of this scope."""
    for group in list(autoscaling._asgs.values()):
        advance(group)


def advance(group: Record) -> None:
    """Take all steps that are due in a group."""
    with _lock:
        for member in list(group["Instances"]):
            _advance_member(group, member)
        _roll(group)
        _balance(group)
        _finish(group)


def present(group: Record) -> list[Record]:
    """Return the group's members that count towards its capacity."""
    return [member for member in group["Instances"] if member["LifecycleState"] in PRESENT]


def in_service(group: Record) -> list[Record]:
    """Return the group's members that are in service."""
    return [member for member in group["Instances"] if member["LifecycleState"] == "InService"]


def settled(group: Record) -> bool:
    """Return whether the group's capacity is in service, with no members terminating or outdated."""
    return (
        len(in_service(group)) == len(group["Instances"]) == group["DesiredCapacity"]
        and group.get("_rollout") is None
    )


def attach(group: Record, target_groups: list[str]) -> None:
    """Change a group's target groups; register or deregister the members in service."""
    with _lock:
        before = group.get("TargetGroupARNs", [])
        group["TargetGroupARNs"] = list(target_groups)
        for member in in_service(group):
            for target_group in set(target_groups) - set(before):
                targets.register(target_group, member["InstanceId"])
            for target_group in set(before) - set(target_groups):
                targets.deregister(target_group, member["InstanceId"])


def replace_all(group: Record) -> None:
    """Replace all present members, one after the other."""
    members = [member["InstanceId"] for member in present(group)]
    roll(group, Rollout(outdated=members, known=set(members), desired=group["DesiredCapacity"]))


def roll(group: Record, rollout: Rollout | None) -> None:
    """Start a rolling update, replacing the current one, if any."""
    with _lock:
        group["_rollout"] = rollout


def outdated(group: Record) -> list[str]:
    """Return the present members that the group would now launch differently, or in another subnet."""
    _data, specification = launching.template(group)
    subnets = group["VPCZoneIdentifier"].split(",")
    return [
        member["InstanceId"]
        for member in present(group)
        if member["LaunchTemplate"] != specification
        or member["LaunchConfigurationName"] != group["LaunchConfigurationName"]
        or (ec2._instances.get(member["InstanceId"]) or {}).get("SubnetId") not in subnets
    ]


def take_out(group: Record, member: Record, cause: str) -> None:
    """Start to terminate a member, which drains from its target groups first."""
    with _lock:
        if member["LifecycleState"] == "Terminating":
            return
        member["LifecycleState"] = "Terminating"
        for target_group in group.get("TargetGroupARNs", []):
            targets.deregister(target_group, member["InstanceId"])
        member["_activity"] = activities.begin(
            group, f"Terminating EC2 instance: {member['InstanceId']}", f"At {activities.now()} {cause}"
        )
        if group.get("TargetGroupARNs"):
            member["_activity"]["StatusMessage"] = "Waiting for ELB Connection Draining."


def _advance_member(group: Record, member: Record) -> None:
    if member["LifecycleState"] == "Pending":
        if member["_booting"].is_over() and in_use.machines().is_up(member["InstanceId"]):
            _enter_service(group, member)
    elif member["LifecycleState"] == "InService":
        cause = _ailment(group, member)
        if cause:
            member["HealthStatus"] = "Unhealthy"
            member.setdefault("_ailment", cause)
        if member["HealthStatus"] == "Unhealthy" and not suspension.is_suspended(
            group, "ReplaceUnhealthy", "Terminate"
        ):
            cause = member.get("_ailment", "a user health-check")
            group["_replacements"] = group.get("_replacements", 0) + 1
            take_out(group, member, f"an instance was taken out of service in response to {cause}.")
    elif not any(
        targets.is_registered(target_group, member["InstanceId"]) for target_group in list(alb._tgs)
    ):
        instances.terminate(member["InstanceId"])
        group["Instances"].remove(member)
        activities.end(member["_activity"])


def _enter_service(group: Record, member: Record) -> None:
    instance = ec2._instances.get(member["InstanceId"])
    if instance is not None:
        instance["_ssm_managed"] = bool(instance.get("IamInstanceProfile"))
    member["LifecycleState"] = "InService"
    member["_in_service_at"] = time.monotonic()
    member["_registered"] = not suspension.is_suspended(group, "AddToLoadBalancer")
    for target_group in group.get("TargetGroupARNs", []) if member["_registered"] else ():
        targets.register(target_group, member["InstanceId"])
    activities.end(member.pop("_activity"))


def _ailment(group: Record, member: Record) -> str | None:
    """Return the reason why a member in service is unhealthy, as in an activity's cause; None if it is not.

    A deregistered target fails ELB's check, unless the process HealthCheck is suspended.
    """
    if suspension.is_suspended(group, "HealthCheck"):
        return None
    if not instances.running(member["InstanceId"]):
        return "an EC2 health check indicating it has been terminated or stopped"
    least = max(LEAST_GRACE, in_use.machines().setup_timeout)
    grace = shortened(group["HealthCheckGracePeriod"], at_least=least)
    if "ELB" not in group["HealthCheckType"] or time.monotonic() - member["_in_service_at"] < grace:
        return None
    for target_group in group.get("TargetGroupARNs", []):
        rows = [row for row in alb._targets.get(target_group, []) if row["Id"] == member["InstanceId"]]
        states = [target_health.state_of(target_group, row)["State"] for row in rows]
        is_missing = not states and member["_registered"] and target_group in alb._tgs
        if is_missing or "unhealthy" in states:
            return "an ELB system health check failure"
    return None


def _roll(group: Record) -> None:
    """Replace the next outdated members once the replacements of the previous batch are complete."""
    rollout: Rollout | None = group.get("_rollout")
    if rollout is None or len(in_service(group)) < group["DesiredCapacity"]:
        return
    if any(member["LifecycleState"] == "Terminating" for member in group["Instances"]):
        return
    added = [key for member in in_service(group) if (key := member["InstanceId"]) not in rollout.known]
    if (added or rollout.started is not None) and not rollout.accounts_for(added):
        return
    if rollout.failure:
        return
    if not rollout.outdated:
        group["DesiredCapacity"] = rollout.desired
        group["_rollout"] = None
        return
    _take_out_batch(group, rollout)


def _take_out_batch(group: Record, rollout: Rollout) -> None:
    room = group["DesiredCapacity"] - rollout.least
    if room <= 0:  # Auto Scaling groups grow for the update, within MaxSize
        raised = min(group["MaxSize"], rollout.least + rollout.batch)
        rollout.notes.append(
            f"Temporarily setting autoscaling group MinSize and DesiredCapacity to {raised}."
        )
        group["DesiredCapacity"] = raised
        return
    size = min(rollout.batch, room)
    batch, rollout.outdated = rollout.outdated[:size], rollout.outdated[size:]
    rollout.notes.append(
        f"Terminating instance(s) [{','.join(batch)}]; replacing with {len(batch)} new instance(s)."
    )
    for member in present(group):
        if member["InstanceId"] in batch:
            take_out(group, member, "an instance was taken out of service in response to a rolling update.")


def _finish(group: Record) -> None:
    """End operations that wait for the group to settle: instance refreshes, a deletion."""
    for refresh in group.get("InstanceRefreshes", []):
        if refresh["Status"] == "InProgress":
            left = len(group["_rollout"].outdated) if group.get("_rollout") else 0
            total = max(1, refresh["InstancesToUpdate"])
            refresh["PercentageComplete"] = 100 * (total - min(left, total)) // total
            if settled(group):
                refresh.update(Status="Successful", EndTime=activities.now(), PercentageComplete=100)
    if group.get("_delete") and not group["Instances"]:
        autoscaling._delete_asg({"AutoScalingGroupName": group["AutoScalingGroupName"]})


def _balance(group: Record) -> None:
    missing = group["DesiredCapacity"] - len(present(group))
    may_launch = not suspension.is_suspended(group, "Launch")
    if missing > 0 and may_launch and ("_retry" not in group or group["_retry"].is_over()):
        for _number in range(missing):
            if not _launch(group):
                return
    for _number in range(0 if suspension.is_suspended(group, "Terminate") else -missing):
        take_out(
            group,
            _spare(group),
            "an instance was taken out of service in response to a difference between desired and actual "
            f"capacity, shrinking the capacity from {len(present(group))} to {group['DesiredCapacity']}.",
        )


def _launch(group: Record) -> bool:
    before = len(present(group))
    if group.get("_replacements"):
        group["_replacements"] -= 1
        cause = "an instance was launched in response to an unhealthy instance needing to be replaced."
    else:
        cause = (
            "an instance was started in response to a difference between desired and actual capacity, "
            f"increasing the capacity from {before} to {group['DesiredCapacity']}."
        )
    activity = activities.begin(group, "Launching a new EC2 instance", f"At {activities.now()} {cause}")
    try:
        template, version = launching.template(group)
        subnet_id = launching.emptiest_subnet(group, present(group))
        instance = instances.launch(template, subnet_id, launching.tags(group))
    except Refused as refused:
        activities.end(activity, failure=f"{refused}. Launching EC2 instance failed.")
        group["_failures"] = group.get("_failures", 0) + 1
        group["_retry"] = Wait(RETRY, at_least=0.5)
        return False
    group["_failures"] = 0
    instance["_ssm_managed"] = False  # the agent responds once the instance has booted
    activity["Description"] = f"Launching a new EC2 instance: {instance['InstanceId']}"
    activity["Details"] = (
        f'{{"Subnet ID":"{subnet_id}","Availability Zone":"{instance["Placement"]["AvailabilityZone"]}"}}'
    )
    group["Instances"].append(
        {
            "InstanceId": instance["InstanceId"],
            "InstanceType": instance["InstanceType"],
            "LifecycleState": "Pending",
            "HealthStatus": "Healthy",
            "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
            "ProtectedFromScaleIn": bool(group["NewInstancesProtectedFromScaleIn"]),
            "LaunchTemplate": version,
            "LaunchConfigurationName": group["LaunchConfigurationName"],
            "_activity": activity,
            "_booting": Wait(BOOT),
        }
    )
    return True


def _spare(group: Record) -> Record:
    """Return the member to terminate: the first one launched in the zone with the most members."""
    members = [member for member in present(group) if not member["ProtectedFromScaleIn"]] or present(group)
    zones = [member["AvailabilityZone"] for member in present(group)]
    return max(members, key=lambda member: zones.count(member["AvailabilityZone"]))
