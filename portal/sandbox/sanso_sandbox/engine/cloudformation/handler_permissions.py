"""Checks the permissions of an operation on a resource before its handler runs, and of reading it afterwards.

What a handler needs is what AWS publishes (sanso_sandbox.aws_permissions): the permissions in the schema
of the resource type and their dependent actions, each for every resource type that the authorization
reference requires. Writes that only some properties trigger are demanded when a resource has one of these.
A missing permission fails the operation at once. On AWS, some handlers create the resource before tagging or
describing it fails; the reason of the failure is the same.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import ec2, iam
from ministack.services.cloudformation import provisioners

from sanso_sandbox.aws_permissions import exemptions, handlers, reference
from sanso_sandbox.aws_permissions.kinds import KINDS
from sanso_sandbox.engine import authorization, readings
from sanso_sandbox.engine.cloudformation import handler_resources, handler_trail, service_role
from sanso_sandbox.engine.cloudformation.store import Record, Stack

Properties = dict[str, Any]

ALL_LISTED: Final = "handlers_make_all_listed_calls"
"""The stricter reading: a schema may list calls that a handler makes in some cases only.

Seen on AWS are the writes, and the reads of load balancers and target groups for Fn::GetAtt.
"""
NESTED: Final = "nested_stacks_are_passed_the_service_role"
CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"
# Demanded by what a resource names, and not by its type: roles, service-linked roles, boundaries, objects.
_OTHERWISE: Final = frozenset(
    {
        "iam:CreateServiceLinkedRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "iam:PutRolePermissionsBoundary",
        "s3:GetObject",
        "s3:GetObjectVersion",
    }
)
# Listed for the creation, and called only where the subnet has an association of its own already.
_SELDOM: Final = frozenset({"ec2:ReplaceRouteTableAssociation"})
# The first resource of these types in an account creates the service-linked role of its service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
_SERVICE_LINKED: Final = {
    "AWS::AutoScaling::AutoScalingGroup": ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
    ),
    "AWS::RDS::DBCluster": ("rds.amazonaws.com", "AWSServiceRoleForRDS"),
}


def check(operation: str, stack: Stack, record: Record, properties: Properties) -> None:
    """Raise Denied if the operation's principal may not perform an action of the handler.

    Args:
        operation: "create", "update" or "delete".
        properties: of the resource that is created or deleted, or the new ones in an update.
    """
    principal, resource_type = authorization.acting(), record["ResourceType"]
    if principal is None or principal.kind == "root":
        return
    with handler_trail.rejections(record):
        for action, resource, context in dict.fromkeys(
            (action, resource, tuple(context.items()))
            for action, resource, context in _calls(operation, stack, record, properties)
        ):
            _authorize(action, resource, dict(context))
        if operation == CREATE and resource_type in _SERVICE_LINKED:
            _service_linked_role(*_SERVICE_LINKED[resource_type])


def check_read(stack: Stack, record: Record) -> None:
    """Raise Denied if the principal may not read a resource: for Fn::GetAtt, and after a change."""
    principal, resource_type = authorization.acting(), record["ResourceType"]
    if principal is None or principal.kind == "root" or resource_type not in KINDS:
        return
    if "LoadBalancing" not in resource_type and not readings.strict(ALL_LISTED):
        return
    properties = record.get("Properties") or {}
    with handler_trail.rejections(record):
        for action in _permissions(resource_type, handlers.READ):
            if _is_demanded(resource_type, action, properties):
                for resource in _resources(action, stack, record, properties):
                    _authorize(action, resource, {})


def own_call(operation: str, resource_type: str) -> str:
    """Return the action that creates or deletes a resource of the type, "" if the schema lists none."""
    found = _permissions(resource_type, operation) if resource_type in KINDS else ()
    return next((one for one in found if f":{operation.capitalize()}" in one), "")


Call = tuple[str, str, dict[str, Any]]


def _authorize(action: str, resource: str, context: Mapping[str, Any]) -> None:
    """Raise Denied unless the principal may perform an action, or all of a pattern such as ec2:Describe*."""
    principal, region = authorization.acting(), get_region()
    if "*" in action:
        if principal is None or authorization.allows(principal, action, "*", region=region):
            return  # a policy allows the whole pattern
        for one in reference.members(action):
            authorization.authorize(principal, one, "*", context, region=region)
        return
    authorization.authorize(principal, action, resource, context, region=region)


def _calls(operation: str, stack: Stack, record: Record, properties: Properties) -> Iterator[Call]:
    resource_type = record["ResourceType"]
    if operation != DELETE:
        yield from _passed(stack, resource_type, properties)
        yield from _read_objects(resource_type, properties)
        if resource_type == "AWS::SSM::Association":
            yield f"ssm:{operation.capitalize()}Association", handler_resources.document(properties), {}
    if resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource":
        yield "lambda:InvokeFunction", str(properties.get("ServiceToken", "*")), {}
    if resource_type not in KINDS:
        return
    if operation == UPDATE and resource_type == "AWS::IAM::Role":
        yield from _changed_boundary(record, properties, handler_resources.arn(stack, record, properties))
    context = _boundary(record, properties) if resource_type == "AWS::IAM::Role" else {}
    given = (properties, record.get("Properties") or {})
    for action in _permissions(resource_type, operation):
        if not _is_demanded(resource_type, action, *given) or not _is_certain(action):
            continue
        for resource in _resources(action, stack, record, properties):
            yield (
                action,
                resource,
                context or _of_resource(operation, action, resource, stack, record, properties),
            )


@cache
def _permissions(resource_type: str, operation: str) -> tuple[str, ...]:
    """Return the permissions of a handler and their dependent actions, as far as the reference knows them."""
    listed = handlers.permissions(resource_type, operation)
    exempt = {action for action in listed if exemptions.of(resource_type, action)}
    dependent = {
        one
        for action in listed
        if action not in exempt and (row := reference.find(action))
        for one in row.dependent
        if one != "cloudformation:ListStacks"  # only of a call that names no stack
    }
    # In the order of a handler: the creation, other writes, and reads.
    found = sorted(
        (dependent | set(listed)) - _OTHERWISE,
        key=lambda one: (reference.is_read(one), ":Create" not in one, one),
    )
    return tuple(action for action in found if reference.members(action))


def _is_certain(action: str) -> bool:
    return readings.strict(ALL_LISTED) or not (reference.is_read(action) or action in _SELDOM)


def _is_demanded(resource_type: str, action: str, *given: Properties) -> bool:
    exemption = exemptions.of(resource_type, action)
    return exemption is None or exemption.is_triggered(*given)


def _resources(action: str, stack: Stack, record: Record, properties: Properties) -> list[str]:
    if record["ResourceType"] == "AWS::IAM::Policy" and action.startswith("iam:") and "Role" in action:
        return _roles_of_policy(record, properties)
    return handler_resources.of_action(action, stack, record, properties)


def _of_resource(
    operation: str, action: str, resource: str, stack: Stack, record: Record, properties: Properties
) -> Properties:
    """Return the condition keys of a resource: its boundary, or the tags that a new one has already."""
    return _boundary_of(resource) or _new_tags(operation, action, resource, stack, record, properties)


def _new_tags(
    operation: str, action: str, resource: str, stack: Stack, record: Record, properties: Properties
) -> Properties:
    """Return the condition keys of the tags that a new resource has already when this action is performed.

    A creation itself is about no resource yet. The tags of the secret that RDS creates are RDS's own:
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
    """
    own = handler_resources.arn(stack, record, properties)
    if ":secret:rds!" in resource and not action.endswith(":CreateSecret"):
        return handler_resources.tag_keys(
            {"aws:secretsmanager:owningService": "rds", "aws:rds:primaryDBClusterArn": own}
        )
    creates = ":Create" in action or ":Allocate" in action
    if operation != CREATE or creates or resource != own or record["PhysicalResourceId"]:
        return {}
    if not handlers.tags_at_creation(record["ResourceType"]):
        return {}
    return handler_resources.tag_keys(provisioners._tag_map(properties.get("Tags")))


def _roles_of_policy(record: Record, properties: Properties) -> list[str]:
    """Return the roles that an inline policy is put on, which its actions are authorized for."""
    names = (properties or record.get("Properties") or {}).get("Roles") or ()
    return [handler_resources.of_role(str(name)) for name in names]


def _boundary(record: Record, properties: Properties) -> Properties:
    """Return the condition key of a role's boundary: the one in the request, or of the existing role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    role = iam._roles.get(record["PhysicalResourceId"] or "")
    found = role.get("PermissionsBoundary") if role else properties.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": found} if found else {}


def _boundary_of(role_arn: str) -> Properties:
    """Return the condition key of an existing role's boundary, nothing for other resources."""
    role = iam._roles.get(role_arn.rpartition("/")[2]) if ":role/" in role_arn else None
    found = (role or {}).get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": found} if found else {}


def _changed_boundary(record: Record, properties: Properties, own: str) -> Iterator[Call]:
    before = _boundary(record, {}).get("iam:PermissionsBoundary")
    wanted = properties.get("PermissionsBoundary")
    if wanted and wanted != before:
        yield "iam:PutRolePermissionsBoundary", own, {"iam:PermissionsBoundary": wanted}
    elif before and not wanted:
        yield "iam:DeleteRolePermissionsBoundary", own, {}


def _passed(stack: Stack, resource_type: str, properties: Properties) -> Iterator[Call]:
    """Yield the roles that an operation passes to a service: a nested stack gets the role of its root."""
    if resource_type == "AWS::CloudFormation::Stack":
        if (own := service_role.kept(stack)) and readings.strict(NESTED):
            yield _passing(own, service_role.SERVICE)
    elif resource_type == "AWS::Lambda::Function":
        yield _passing(str(properties.get("Role", "*")), "lambda.amazonaws.com")
    elif resource_type == "AWS::EC2::FlowLog" and (role := properties.get("DeliverLogsPermissionArn")):
        yield _passing(str(role), "vpc-flow-logs.amazonaws.com")
    elif resource_type == "AWS::IAM::InstanceProfile":
        for name in properties.get("Roles") or ():
            yield _passing(handler_resources.of_role(str(name)), "ec2.amazonaws.com")
    elif resource_type == "AWS::AutoScaling::AutoScalingGroup":
        for name in _roles_of_servers(properties):
            yield _passing(handler_resources.of_role(name), "ec2.amazonaws.com")


def _passing(role_arn: str, service: str) -> Call:
    return "iam:PassRole", role_arn, {"iam:PassedToService": service}


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
    name = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}.get(resource_type, "")
    found = properties.get(name) or {}
    if found.get("S3Bucket"):
        action = "s3:GetObjectVersion" if found.get("S3ObjectVersion") else "s3:GetObject"
        yield action, f"arn:aws:s3:::{found['S3Bucket']}/{found.get('S3Key', '')}", {}


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
