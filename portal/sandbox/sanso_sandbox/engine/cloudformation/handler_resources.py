"""The resources that the actions of a handler are authorized for, by the authorization reference.

Each required resource type of an action is checked: the handler's own resource, what the resource refers to,
and what its service uses where a template names nothing, such as the default option group of a database.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2, iam

from sanso_sandbox.aws_permissions import reference
from sanso_sandbox.aws_permissions.kinds import KINDS
from sanso_sandbox.engine.cloudformation.store import Record, Stack

Properties = dict[str, Any]

# The property with the name of a resource.
_NAMES: Final = {
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBClusterParameterGroup": "DBClusterParameterGroupName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::RDS::DBSubnetGroup": "DBSubnetGroupName",
    "AWS::SSM::Document": "Name",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
# The property that names another resource, by its type in the reference, and what is used without one ("" for
# a name that begins with the stack's).
_OTHERS: Final = {
    ("cloudwatch", "alarm"): ("", ""),
    ("lambda", "layer"): ("LayerName", ""),
    ("rds", "cluster"): ("DBClusterIdentifier", "*"),
    ("rds", "cluster-pg"): ("DBClusterParameterGroupName", "default.aurora-mysql8.0"),
    ("rds", "db"): ("DBInstanceIdentifier", ""),
    ("rds", "og"): ("OptionGroupName", "default:aurora-mysql-8-0"),
    ("rds", "pg"): ("DBParameterGroupName", "default.aurora-mysql8.0"),
    ("rds", "subgrp"): ("DBSubnetGroupName", "default"),
    ("ec2", "vpc"): ("VpcId", "*"),
    ("ec2", "subnet"): ("SubnetId", "*"),
    ("ec2", "route-table"): ("RouteTableId", "*"),
    ("ec2", "security-group"): ("GroupId", "*"),
    ("ec2", "elastic-ip"): ("AllocationId", "*"),
    ("ssm", "document"): ("Name", "*"),
}
# Optional in the reference, but used wherever a template names no other one.
_IMPLICIT: Final = {
    "rds:CreateDBInstance": ("og", "pg"),
    "rds:ModifyDBInstance": ("og", "pg"),
    "rds:RestoreDBClusterFromSnapshot": ("cluster-snapshot",),
}
_PLACEHOLDER: Final = re.compile(r"\$\{\w+\}")


def of_action(action: str, stack: Stack, record: Record, properties: Properties) -> list[str]:
    """Return the ARNs that an action of a handler is authorized for; "*" if it supports no resources."""
    row = reference.find(action)
    if row is None or not row.types:
        return ["*"]
    service = action.partition(":")[0]
    own = _family(KINDS[record["ResourceType"]]) if service == service_of(record["ResourceType"]) else ""
    kinds = (*row.required, *_IMPLICIT.get(action, ()))
    if not kinds:
        kinds = tuple(kind for kind in row.optional if _family(kind) == own) or row.optional[:1]
    found = [
        arn(stack, record, properties)
        if _family(kind) == own
        else _other(service, kind, stack, record, properties)
        for kind in kinds
    ]
    return list(dict.fromkeys(found))


def service_of(resource_type: str) -> str:
    """Return the prefix of the actions of a type's service."""
    service = resource_type.split("::")[1].lower()
    return {"elasticloadbalancingv2": "elasticloadbalancing"}.get(service, service)


def arn(stack: Stack, record: Record, properties: Properties) -> str:
    """Return the ARN of a resource, with the beginning of the name that it will get if it has none yet."""
    resource_type, physical = record["ResourceType"], str(record["PhysicalResourceId"] or "")
    if physical.startswith("arn:"):
        return physical
    service = service_of(resource_type)
    name = _identifier(resource_type, physical) or str(properties.get(_NAMES.get(resource_type, "")) or "")
    if not name:
        name = (
            "*" if service == "ec2" or resource_type == "AWS::SSM::Association" else _generated(stack, record)
        )
    kind = KINDS[resource_type]
    if resource_type == "AWS::ElasticLoadBalancingV2::LoadBalancer" and properties.get("Type") == "network":
        kind = "loadbalancer/net/"
    if resource_type == "AWS::EC2::VPCGatewayAttachment":
        name = str(properties.get("InternetGatewayId") or "*")
    elif resource_type.startswith(("AWS::EC2::Route", "AWS::EC2::SubnetRoute", "AWS::EC2::SecurityGroupI")):
        name = str(properties.get("RouteTableId") or properties.get("GroupId") or name)
    return _arn(service, kind, name.lstrip("/"))


def _identifier(resource_type: str, physical: str) -> str:
    """Return the name or id in a resource's ARN. The physical id of an EIP is its address."""
    if resource_type != "AWS::EC2::EIP":
        return physical
    return next((one for one, row in list(ec2._addresses.items()) if row["PublicIp"] == physical), physical)


def tag_keys(tags: Mapping[str, str]) -> Properties:
    """Return the condition keys of a resource's tags."""
    return {f"aws:ResourceTag/{name}": value for name, value in tags.items()}


def of_role(name: str) -> str:
    """Return the ARN of a role in the current account."""
    role = iam._roles.get(name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{get_account_id()}:role/{name}"


def document(properties: Properties) -> str:
    """Return the ARN of an association's document; AWS's own have no account."""
    name = str(properties.get("Name", ""))
    account = "" if name.startswith("AWS-") else get_account_id()
    return f"arn:aws:ssm:{get_region()}:{account}:document/{name}"


def _other(service: str, kind: str, stack: Stack, record: Record, properties: Properties) -> str:
    if service == "secretsmanager":  # Aurora's own secret, created with the caller's permissions
        return _arn(service, kind, f"rds!cluster-{new_uuid()}")
    if (service, kind) == ("ssm", "document"):
        return document(properties)
    if kind == "cluster-snapshot" and properties.get("SnapshotIdentifier"):
        return _arn(service, kind, str(properties["SnapshotIdentifier"]))
    if service == "rds" and kind.endswith("snapshot"):
        logical = record["LogicalResourceId"].lower()
        return _arn(service, kind, f"{stack['StackName'].lower()}-snapshot-{logical}-{new_uuid()[:12]}")
    name, default = _OTHERS.get((service, kind), ("", "*"))
    given = str(properties.get(name) or "")
    if kind == "image":  # AWS's own has no account
        return f"arn:aws:ec2:{get_region()}::image/{given or '*'}"
    return _arn(service, kind, given or default or _generated(stack, record))


def _arn(service: str, kind: str, name: str) -> str:
    """Return an ARN in the reference's format, in which a name replaces the last names and ids."""
    found = reference.arn(service, kind).replace("${Partition}", "aws")
    found = found.replace("${Region}", get_region()).replace("${Account}", get_account_id())
    if service == "autoscaling":
        found = found.replace("${GroupId}", "*")
    # The id or version that AWS chooses follows the name.
    if kind in ("stack", "layerVersion") or service == "elasticloadbalancing":
        found = _PLACEHOLDER.sub(lambda _found: name, found, count=1)
        return _PLACEHOLDER.sub("*", found)
    return _PLACEHOLDER.sub(lambda _found: name, found)


def _family(kind: str) -> str:
    """Return the part of a type that load balancers of all kinds have in common."""
    return kind.partition("/")[0]


def _generated(stack: Stack, record: Record) -> str:
    """Return the beginning of the name that CloudFormation generates for a resource."""
    logical = record["LogicalResourceId"]
    if record["ResourceType"] == "AWS::SSM::Parameter":
        return f"CFN-{logical}-"
    name = f"{stack['StackName']}-{logical}-"
    return name.lower() if record["ResourceType"].startswith("AWS::RDS::") else name
