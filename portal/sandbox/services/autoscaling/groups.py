"""AWS::AutoScaling::AutoScalingGroup: complete once its instances are in service, gone once they are."""

import asyncio
import time

from ministack.services import autoscaling
from ministack.services import cloudformation as cfn
from ministack.services.cloudformation import provisioners

from portal.sandbox.engine.registry import (
    Attributes,
    Created,
    Properties,
    Record,
    changed,
    handler,
    provide,
    replace,
)
from portal.sandbox.services.autoscaling import fleet

TYPE = "AWS::AutoScaling::AutoScalingGroup"
LOOK = 0.1  # seconds between two looks at a group that settles
FAILURES = 2  # launches that may fail before the group counts as not stabilizing

_engine = dict(handler(TYPE))


def install() -> None:
    """Put the resource type in place."""
    provide(TYPE, _create, _delete, _update)
    handler(TYPE)["stabilize"] = _stabilize


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name, attributes = _engine["create"](logical_id, properties, stack)
    group = autoscaling._asgs[name]
    _apply(group, properties)
    fleet.advance(group)
    return name, attributes


def _apply(group: Record, properties: Properties) -> None:
    """Add what MiniStack's record lacks."""
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
    from ministack.services import ec2

    return str((ec2._subnets.get(subnet_id) or {}).get("AvailabilityZone", ""))


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    group = autoscaling._asgs.get(physical_id)
    if group is None or changed(old, new, "AutoScalingGroupName", "InstanceId"):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    kept = (
        group["DesiredCapacity"] if not changed(old, new, "DesiredCapacity", "MinSize", "MaxSize") else None
    )
    _name, attributes = _engine["update"](physical_id, old, new, stack, logical_id)
    if kept is not None:
        group["DesiredCapacity"] = kept  # what the API has set stays while the template does not speak of it
    _apply(group, new)
    batch = _rolling_batch(stack, logical_id)
    if batch and changed(old, new, "LaunchTemplate", "LaunchConfigurationName", "VPCZoneIdentifier"):
        fleet.replace_all(group, batch)
    fleet.advance(group)
    return physical_id, attributes


def _rolling_batch(stack: str, logical_id: str) -> int:
    """Read MaxBatchSize of the resource's AutoScalingRollingUpdate; 0 when there is no such policy.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
    """
    template = (cfn._stacks.get(stack) or {}).get("_template") or {}
    resource = (template.get("Resources") or {}).get(logical_id) or {}
    policy = resource.get("UpdatePolicy") or {}
    if "AutoScalingReplacingUpdate" in policy or "AutoScalingRollingUpdate" not in policy:
        return 0
    batch = (policy["AutoScalingRollingUpdate"] or {}).get("MaxBatchSize", 1)
    return int(batch) if str(batch).isdigit() else 1


async def _stabilize(physical_id: str, properties: Properties, stack: str) -> Attributes | None:
    """Wait for the group's instances. Raises ValueError as CloudFormation does when launches fail."""
    while True:
        group = autoscaling._asgs.get(physical_id)
        if group is None or fleet.settled(group):
            return None
        if group.get("_failures", 0) >= FAILURES:
            raise ValueError(
                "Group did not stabilize. {current/minSize/desired instances="
                f"{len(fleet.in_service(group))}/{group['MinSize']}/{group['DesiredCapacity']}}}. "
                f"{group['_activities'][0]['StatusMessage']}"
            )
        await asyncio.sleep(LOOK)


def _delete(physical_id: str, properties: Properties) -> None:
    group = autoscaling._asgs.get(physical_id)
    if group is None:
        return
    empty(group)
    while group["Instances"]:
        time.sleep(LOOK)
    _engine["delete"](physical_id, properties)


def empty(group: Record) -> None:
    """Let every instance of the group go; the heartbeat does the rest."""
    group.update(MinSize=0, MaxSize=0, DesiredCapacity=0, _outdated=[])
    fleet.advance(group)
