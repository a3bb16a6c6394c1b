"""Managed nodes: DescribeInstanceInformation with its filters and the state of associations on each node."""

import time

from ministack.services import ec2

from sanso_sandbox.engine.registry import Record
from sanso_sandbox.services.ec2 import images
from sanso_sandbox.services.ssm import associations, executions
from sanso_sandbox.services.ssm.paging import page


def describe(request: Record) -> Record:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html"""
    wanted = {row["Key"]: row["Values"] for row in request.get("Filters") or []}
    wanted |= {row["key"]: row["valueSet"] for row in request.get("InstanceInformationFilterList") or []}
    rows = [
        _shape(instance, status)
        for key, instance in sorted(ec2._instances.items())
        if (status := executions.ping_status(key))
        and all(_passes(key, status, name, wanted[name]) for name in wanted)
    ]
    return page("InstanceInformationList", rows, request)


def _passes(instance_id: str, ping_status: str, name: str, values: list[str]) -> bool:
    tags = {tag["Key"]: str(tag.get("Value", "")) for tag in ec2._tags.get(instance_id, [])}
    if name.startswith("tag:"):
        return tags.get(name[4:]) in values
    have = {
        "InstanceIds": instance_id,
        "PingStatus": ping_status,
        "PlatformTypes": "Linux",
        "ResourceType": "EC2Instance",
        "AssociationStatus": _association_status(instance_id),
    }
    return name not in have or have[name] in values


def _association_status(instance_id: str) -> str:
    statuses = {
        run.status
        for association in associations.store.values()
        if (run := association.latest().get(instance_id)) is not None
    }
    for status in ("Failed", "TimedOut", "Pending", "InProgress"):
        if status in statuses:
            return "Pending" if status == "InProgress" else status
    return "Success" if statuses else ""


def _shape(instance: Record, ping_status: str) -> Record:
    status = _association_status(instance["InstanceId"])
    return {
        "InstanceId": instance["InstanceId"],
        "PingStatus": ping_status,
        "LastPingDateTime": time.time(),
        "AgentVersion": "3.3.3185.0",
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": "Amazon Linux",
        "PlatformVersion": "2" if images.is_amazon_linux_2(instance["ImageId"]) else "2023",
        "ResourceType": "EC2Instance",
        "IPAddress": instance["PrivateIpAddress"],
        "ComputerName": instance["PrivateDnsName"],
        **({"AssociationStatus": status} if status else {}),
    }
