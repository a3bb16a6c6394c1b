"""Checks the permissions of an operation on a resource before its handler runs.

A missing permission fails the operation at once. On AWS, some handlers create the resource before tagging or
describing it fails; the reason of the failure is the same.
"""

from collections.abc import Iterator
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import ec2, iam

from portal.sandbox.engine import authorization
from portal.sandbox.engine.cloudformation import handler_actions
from portal.sandbox.engine.cloudformation.store import Record, Stack

Properties = dict[str, Any]

# The part of an ARN before the physical id or the name, by resource type.
_KINDS: Final = {
    "AWS::CloudFormation::Stack": "stack/",
    "AWS::AutoScaling::AutoScalingGroup": "autoScalingGroup:*:autoScalingGroupName/",
    "AWS::CloudWatch::Alarm": "alarm:",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "loadbalancer/",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "targetgroup/",
    "AWS::ElasticLoadBalancingV2::Listener": "listener/",
    "AWS::Lambda::Function": "function:",
    "AWS::Logs::LogGroup": "log-group:",
    "AWS::RDS::DBCluster": "cluster:",
    "AWS::RDS::DBClusterParameterGroup": "cluster-pg:",
    "AWS::RDS::DBInstance": "db:",
    "AWS::RDS::DBSubnetGroup": "subgrp:",
    "AWS::SSM::Association": "association/",
    "AWS::SSM::Document": "document/",
    "AWS::SSM::Parameter": "parameter/",
    "AWS::SecretsManager::Secret": "secret:",
    "AWS::IAM::Policy": "policy/",
    "AWS::IAM::Role": "role/",
    "AWS::IAM::InstanceProfile": "instance-profile/",
}
# The property with the name of a resource.
_NAMES: Final = {
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Lambda::Function": "FunctionName",
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
# Actions without resource-level permissions.
_GENERAL: Final = (
    "autoscaling:Describe",
    "ec2:Describe",
    "elasticloadbalancing:Describe",
    "rds:Describe",
    "secretsmanager:GetRandomPassword",
)


def check(operation: str, stack: Stack, record: Record, properties: Properties) -> None:
    """Raise Denied if the operation's principal may not perform an action of the handler.

    Args:
        operation: "create", "update" or "delete".
        properties: of the resource that is created or deleted, or the new ones in an update.
    """
    principal, resource_type = authorization.acting(), record["ResourceType"]
    if principal is None or principal.kind == "root":
        return
    for action, resource, context in _calls(operation, stack, record, properties):
        authorization.authorize(principal, action, resource, context, region=get_region())
    if operation == handler_actions.CREATE and resource_type in handler_actions.SERVICE_LINKED:
        _service_linked_role(*handler_actions.SERVICE_LINKED[resource_type])


Call = tuple[str, str, dict[str, Any]]


def _calls(operation: str, stack: Stack, record: Record, properties: Properties) -> Iterator[Call]:
    resource_type = record["ResourceType"]
    own = _arn(stack, record, properties)
    context = _boundary(record, properties) if resource_type == "AWS::IAM::Role" else {}
    for action in handler_actions.actions(resource_type, operation):
        if resource_type == "AWS::IAM::Policy":
            yield from ((action, role, {}) for role in _roles_of_policy(record, properties))
        else:
            yield action, _resource(action, own), context
    if operation == handler_actions.UPDATE and resource_type == "AWS::IAM::Role":
        yield from _changed_boundary(record, properties, own)
    if operation != handler_actions.DELETE:
        yield from _passed(resource_type, properties)
        yield from _read_objects(resource_type, properties)
        if resource_type == "AWS::SSM::Association":
            yield f"ssm:{operation.capitalize()}Association", _document(properties), {}
    if resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource":
        yield "lambda:InvokeFunction", str(properties.get("ServiceToken", "*")), {}


def _roles_of_policy(record: Record, properties: Properties) -> list[str]:
    """Return the roles that an inline policy is put on, which its actions are authorized for."""
    names = (properties or record.get("Properties") or {}).get("Roles") or ()
    return [_role_arn(str(name)) for name in names]


def _boundary(record: Record, properties: Properties) -> Properties:
    """Return the condition key of a role's boundary: the one in the request, or of the existing role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    role = iam._roles.get(record["PhysicalResourceId"] or "")
    found = role.get("PermissionsBoundary") if role else properties.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": found} if found else {}


def _changed_boundary(record: Record, properties: Properties, own: str) -> Iterator[Call]:
    before = _boundary(record, {}).get("iam:PermissionsBoundary")
    wanted = properties.get("PermissionsBoundary")
    if wanted and wanted != before:
        yield "iam:PutRolePermissionsBoundary", own, {"iam:PermissionsBoundary": wanted}
    elif before and not wanted:
        yield "iam:DeleteRolePermissionsBoundary", own, {}


def _resource(action: str, own: str) -> str:
    """Return the resource to check an action on: the handler's own, or "*" for actions on all resources."""
    service = action.partition(":")[0]
    if action.startswith(_GENERAL):
        return "*"
    if (
        service == "secretsmanager" and ":rds:" in own
    ):  # Aurora's own secret, created with the caller's permissions
        return f"arn:aws:secretsmanager:{get_region()}:{get_account_id()}:secret:rds!cluster-{new_uuid()}"
    if service == "ec2":
        return own if ":ec2:" in own else f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/*"
    return own


def _arn(stack: Stack, record: Record, properties: Properties) -> str:
    resource_type, physical = record["ResourceType"], record["PhysicalResourceId"]
    if str(physical).startswith("arn:"):
        return str(physical)
    service = resource_type.split("::")[1].lower()
    account, region = get_account_id(), get_region()
    name = physical or properties.get(_NAMES.get(resource_type, "")) or _generated(stack, record)
    if resource_type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        name = f"{'net' if properties.get('Type') == 'network' else 'app'}/{name}/*"
    elif service == "elasticloadbalancingv2":
        name = f"{name}/*"
    elif resource_type == "AWS::SSM::Association":
        name = physical or "*"
    if service == "ec2":
        return f"arn:aws:ec2:{region}:{account}:{_ec2_kind(resource_type)}/{physical or '*'}"
    if service == "iam":
        return f"arn:aws:iam::{account}:{_KINDS[resource_type]}{name}"
    service = {"elasticloadbalancingv2": "elasticloadbalancing"}.get(service, service)
    return f"arn:aws:{service}:{region}:{account}:{_KINDS.get(resource_type, '')}{str(name).lstrip('/')}"


def _ec2_kind(resource_type: str) -> str:
    """Return the resource kind in an EC2 ARN: SecurityGroup is security-group, EIP is elastic-ip."""
    name = resource_type.rpartition("::")[2]
    special = {"EIP": "elastic-ip", "VPC": "vpc", "VPCEndpoint": "vpc-endpoint", "NatGateway": "natgateway"}
    if name in special:
        return special[name]
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _generated(stack: Stack, record: Record) -> str:
    """Return the beginning of the name that CloudFormation generates for a resource."""
    logical = record["LogicalResourceId"]
    if record["ResourceType"] == "AWS::SSM::Parameter":
        return f"CFN-{logical}-"
    name = f"{stack['StackName']}-{logical}-"
    return name.lower() if record["ResourceType"].startswith("AWS::RDS::") else name


def _passed(resource_type: str, properties: Properties) -> Iterator[Call]:
    """Yield the roles that an operation passes to a service."""
    if resource_type == "AWS::Lambda::Function":
        yield _passing(str(properties.get("Role", "*")), "lambda.amazonaws.com")
    elif resource_type == "AWS::EC2::FlowLog" and (role := properties.get("DeliverLogsPermissionArn")):
        yield _passing(str(role), "vpc-flow-logs.amazonaws.com")
    elif resource_type == "AWS::IAM::InstanceProfile":
        for name in properties.get("Roles") or ():
            yield _passing(_role_arn(str(name)), "ec2.amazonaws.com")
    elif resource_type == "AWS::AutoScaling::AutoScalingGroup":
        for name in _roles_of_servers(properties):
            yield _passing(_role_arn(name), "ec2.amazonaws.com")


def _passing(role_arn: str, service: str) -> Call:
    return "iam:PassRole", role_arn, {"iam:PassedToService": service}


def _role_arn(name: str) -> str:
    role = iam._roles.get(name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{get_account_id()}:role/{name}"


def _roles_of_servers(properties: Properties) -> list[str]:
    """Return the roles of the instance profile in a group's launch template."""
    given = properties.get("LaunchTemplate") or {}
    template = ec2._launch_templates.get(str(given.get("LaunchTemplateId", "")))
    versions = (template or {}).get("Versions") or [{}]
    data = versions[-1].get("LaunchTemplateData") or {}
    arn = (data.get("IamInstanceProfile") or {}).get("Arn")
    profile = iam._lookup_instance_profile(name="", arn=arn) if arn else None
    return [str(name) for name in (profile or {}).get("Roles", ())]


def _read_objects(resource_type: str, properties: Properties) -> Iterator[Call]:
    code = properties.get("Code") or {}
    if resource_type == "AWS::Lambda::Function" and code.get("S3Bucket"):
        yield "s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code.get('S3Key', '')}", {}


def _document(properties: Properties) -> str:
    name = str(properties.get("Name", ""))
    account = "" if name.startswith("AWS-") else get_account_id()
    return f"arn:aws:ssm:{get_region()}:{account}:document/{name}"


def _service_linked_role(service: str, name: str) -> None:
    """Create the service-linked role of a service, unless the account has it. Raises Denied."""
    if name in iam._roles:
        return
    account = get_account_id()
    arn = f"arn:aws:iam::{account}:role/aws-service-role/{service}/{name}"
    authorization.authorize(
        authorization.acting(), "iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": service}
    )
    iam._roles[name] = {
        "RoleName": name,
        "Arn": arn,
        "RoleId": iam._gen_id("AROA"),
        "CreateDate": now_iso(),
        "Path": f"/aws-service-role/{service}/",
        "AssumeRolePolicyDocument": "{}",
        "Description": "",
        "MaxSessionDuration": 3600,
        "AttachedPolicies": [],
        "InlinePolicies": {},
        "Tags": [],
    }
