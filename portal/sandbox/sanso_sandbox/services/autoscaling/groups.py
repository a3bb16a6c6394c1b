"""AWS::AutoScaling::AutoScalingGroup: complete once its instances are in service and have signaled."""

import asyncio
import math
import time

from ministack.services import autoscaling, ec2
from ministack.services import cloudformation as cfn
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.cloudformation import events, provision, signals
from sanso_sandbox.engine.registry import (
    Attributes,
    Created,
    Properties,
    Record,
    Refused,
    changed,
    handler,
    provide,
    replace,
    truth,
)
from sanso_sandbox.services.autoscaling import fleet, launch_check, rolling

TYPE = "AWS::AutoScaling::AutoScalingGroup"
LOOK = 0.1  # seconds between checks of a group that is settling
FAILURES = 2  # failed launches until the group counts as not stabilizing

_engine = dict(handler(TYPE))


def install() -> None:
    """Install the resource type."""
    provide(TYPE, _create, _delete, _update)
    handler(TYPE)["stabilize"] = _stabilize


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    rolling.require_valid_pause(_policies(stack, logical_id))
    name, attributes = _engine["create"](logical_id, properties, stack)
    group = autoscaling._asgs[name]
    try:
        launch_check.require_valid(group)
    except Refused:
        autoscaling._asgs.pop(name, None)
        raise
    group["_resource"] = (stack, logical_id)
    _apply(group, properties)
    fleet.advance(group)
    return name, attributes


def _apply(group: Record, properties: Properties) -> None:
    """Add the fields that MiniStack's record lacks."""
    subnets = [subnet for subnet in group["VPCZoneIdentifier"].split(",") if subnet]
    group["AvailabilityZones"] = sorted(
        {zone for zone in map(_zone, subnets) if zone} or set(group["AvailabilityZones"])
    )
    group["NewInstancesProtectedFromScaleIn"] = provisioners._cfn_bool(
        group["NewInstancesProtectedFromScaleIn"]
    )
    group["MaxInstanceLifetime"] = properties.get("MaxInstanceLifetime")
    group["CapacityRebalance"] = provisioners._cfn_bool(properties.get("CapacityRebalance", False))
    fleet.attach(group, list(properties.get("TargetGroupARNs") or []))


def _zone(subnet_id: str) -> str:
    return str((ec2._subnets.get(subnet_id) or {}).get("AvailabilityZone", ""))


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    group = autoscaling._asgs.get(physical_id)
    if group is None or changed(old, new, "AutoScalingGroupName", "InstanceId"):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    policies = _policies(stack, logical_id)
    rolling.require_valid_pause(policies)
    replacing = (policies.get("UpdatePolicy") or {}).get("AutoScalingReplacingUpdate") or {}
    rolls = changed(old, new, *rolling.REPLACED_BY)
    if rolls and truth(replacing.get("WillReplace")):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    kept = (
        group["DesiredCapacity"] if not changed(old, new, "DesiredCapacity", "MinSize", "MaxSize") else None
    )
    before = group["DesiredCapacity"]
    _name, attributes = _engine["update"](physical_id, old, new, stack, logical_id)
    launch_check.require_valid(group)
    if kept is not None:
        group["DesiredCapacity"] = kept  # set through the API; kept while the template's is unchanged
    _apply(group, new)
    outdated = fleet.outdated(group) if rolls else []
    added = max(0, group["DesiredCapacity"] - before)
    found = rolling.rollout(policies, group, outdated, added)
    if found is not None:
        found.signals = signals.of(cfn._stacks[stack], logical_id)
    fleet.roll(group, found)
    fleet.advance(group)
    return physical_id, attributes


def _policies(stack: str, logical_id: str) -> Record:
    """Return a group's CreationPolicy and UpdatePolicy, as resolved by the current operation."""
    record = ((cfn._stacks.get(stack) or {}).get("_resources") or {}).get(logical_id) or {}
    found: Record = record.get("_policies") or {}
    return found


async def _stabilize(physical_id: str, properties: Properties, stack: str) -> Attributes | None:
    """Wait for the group's instances and, if its policies require it, for their signals.

    Raises ValueError, or Refused with the complete reason, as CloudFormation does if too few arrive.
    """
    started = time.monotonic()
    while True:
        group = autoscaling._asgs.get(physical_id)
        if group is None:
            return None
        _report(group)
        _require_rollout(group)
        if _has_signaled(group, started) and fleet.settled(group):
            return None
        if group.get("_failures", 0) >= FAILURES:
            raise ValueError(
                "Group did not stabilize. {current/minSize/desired instances="
                f"{len(fleet.in_service(group))}/{group['MinSize']}/{group['DesiredCapacity']}}}. "
                f"{group['_activities'][0]['StatusMessage']}"
            )
        await asyncio.sleep(LOOK)


def _record_of(group: Record) -> tuple[Record, Record] | None:
    """Return the stack and the record of a group's resource; None for a group without a template."""
    stack_name, logical_id = group.get("_resource", ("", ""))
    stack = cfn._stacks.get(stack_name)
    record = stack["_resources"].get(logical_id) if stack else None
    return (stack, record) if stack and record else None


def _report(group: Record) -> None:
    """Add the events about the group's waits and about received signals."""
    found = _record_of(group)
    if found is None:
        return
    stack, record = found
    rollout = group.get("_rollout")
    notes = []
    if rollout is not None:
        notes, rollout.notes = rollout.notes, []
    for note in (*notes, *signals.of(stack, record["LogicalResourceId"]).reports()):
        events.resource_status(stack, record, record["ResourceStatus"], note)


def _require_rollout(group: Record) -> None:
    rollout = group.get("_rollout")
    if rollout is not None and rollout.failure:
        group["_rollout"] = None
        raise provision.Refused(rollout.failure)


def _has_signaled(group: Record, started: float) -> bool:
    """Return whether a new group has received the signals that its CreationPolicy requires."""
    found = _record_of(group)
    if found is None or found[1]["ResourceStatus"] != "CREATE_IN_PROGRESS":
        return True
    stack, record = found
    policy = (record.get("_policies") or {}).get("CreationPolicy") or {}
    if "ResourceSignal" not in policy:
        return True
    wanted = policy["ResourceSignal"] or {}
    count = int(wanted.get("Count") or 1)
    share = (policy.get("AutoScalingCreationPolicy") or {}).get("MinSuccessfulInstancesPercent")
    percent = 100 if share is None else int(share)
    received = signals.of(stack, record["LogicalResourceId"])
    good, bad = received.count(signals.SUCCESS), received.count(signals.FAILURE)
    needed = math.ceil(count * percent / 100)
    if bad > count - needed:
        raise provision.Refused(rolling.unsatisfied(bad, signals.FAILURE, count, percent))
    timeout = rolling.scaled_timeout(signals.seconds(wanted.get("Timeout"), rolling.SIGNAL_PAUSE))
    if good < needed and time.monotonic() - started > timeout:
        raise provision.Refused(rolling.unsatisfied(good, signals.SUCCESS, count, percent))
    return good + bad >= count or (good >= needed and time.monotonic() - started > timeout)


def _delete(physical_id: str, properties: Properties) -> None:
    group = autoscaling._asgs.get(physical_id)
    if group is None:
        return
    empty(group)
    while group["Instances"]:
        time.sleep(LOOK)
    _engine["delete"](physical_id, properties)


def empty(group: Record) -> None:
    """Set the group's capacity to zero; the heartbeat terminates its instances."""
    group.update(MinSize=0, MaxSize=0, DesiredCapacity=0, _rollout=None)
    fleet.advance(group)
