"""VPC flow logs: accepted and listed, but always empty because the sandbox has no traffic in VPCs."""

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.registry import Created, Properties, Refused, new_id, provide


def install() -> None:
    """Install the resource type; MiniStack has the actions."""
    provide("AWS::EC2::FlowLog", _create, _delete)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    """Create a flow log. Every property except Tags replaces it; Ref is its id (aws-resource-ec2-flowlog)."""
    kind = properties.get("ResourceType") or "VPC"
    resource = properties.get("ResourceId") or ""
    known = {"VPC": ec2._vpcs, "Subnet": ec2._subnets, "NetworkInterface": ec2._network_interfaces}
    if resource not in known.get(kind, {}):
        raise Refused(f"Invalid{kind}Id.NotFound", f"{kind} {resource} does not exist")
    flow_log = new_id("fl")
    ec2._flow_logs[flow_log] = {
        "FlowLogId": flow_log,
        "ResourceId": resource,
        "ResourceType": kind,
        "TrafficType": properties.get("TrafficType") or "ALL",
        "LogDestinationType": properties.get("LogDestinationType") or "cloud-watch-logs",
        "LogDestination": properties.get("LogDestination") or properties.get("LogGroupName") or "",
        "FlowLogStatus": "ACTIVE",
        "CreationTime": ec2._now_ts(),
    }
    provisioners._ec2_apply_tags(flow_log, properties)
    return flow_log, {"Id": flow_log}


def _delete(physical_id: str, properties: Properties) -> None:
    ec2._flow_logs.pop(physical_id, None)
    ec2._tags.pop(physical_id, None)
