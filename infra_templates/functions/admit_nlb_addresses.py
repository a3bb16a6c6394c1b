"""Custom resource: allows the addresses of a network load balancer in a security group.

For load balancers without a security group that a rule could refer to. The resource's own rules have its
description; it adds and removes those and never changes others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError
from custom_resource import Context, Rejected, Request, respond

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import IpPermissionTypeDef, SecurityGroupRuleTypeDef

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

_POLL_SECONDS: Final = 5.0

Rule = tuple[int, str]  # port, address range


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Handle CloudFormation's request for a Custom::NlbAddresses."""
    respond(event, context, lambda request: admit(boto3.client("ec2"), request))


def admit(ec2: EC2Client, request: Request, *, poll_seconds: float = _POLL_SECONDS) -> str:
    """Add missing rules and remove stale ones, or all for a delete. Returns the physical id.

    Raises Rejected with a message for the operator.
    """
    if request.kind == "Delete":
        _remove_rules(ec2, request)
        return request.physical_id or request.logical_id
    name = _interface_name(request.required("LoadBalancerArn"))
    group = request.required("SecurityGroupId")
    addresses = _addresses(ec2, request, name, poll_seconds)
    required = {(port, f"{address}/32") for port in _ports(request) for address in addresses}
    rules = _ingress_rules(ec2, group)
    _authorize(ec2, group, required - {_as_rule(rule) for rule in rules}, _description(name))
    own = [rule for rule in rules if rule.get("Description") == _description(name)]
    _revoke(ec2, group, [rule for rule in own if _as_rule(rule) not in required])
    return f"{group}/{name}"


def _remove_rules(ec2: EC2Client, request: Request) -> None:
    """Remove the resource's own rules. Missing rules, also of a failed create, are no error."""
    group = request.properties.get("SecurityGroupId")
    arn = request.properties.get("LoadBalancerArn")
    if not (isinstance(group, str) and isinstance(arn, str) and ":loadbalancer/net/" in arn):
        log.info("Nothing was created for these properties.")
        return
    description = _description(_interface_name(arn))
    try:
        own = [rule for rule in _ingress_rules(ec2, group) if rule.get("Description") == description]
        _revoke(ec2, group, own)
    except ClientError as error:
        if _code(error) != "InvalidGroup.NotFound":
            raise
        log.info("The security group %s does not exist any more.", group)


def _interface_name(arn: str) -> str:
    """Return `net/<name>/<id>` of a load balancer's ARN. Raises Rejected for any other ARN."""
    _, found, name = arn.partition(":loadbalancer/")
    if not found or not name.startswith("net/"):
        raise Rejected("LoadBalancerArn is not the ARN of a network load balancer.")
    return name


def _description(name: str) -> str:
    return f"Sanso NLB {name}"


def _ports(request: Request) -> list[int]:
    ports = request.properties.get("Ports")
    if not isinstance(ports, list) or not ports:
        raise Rejected("The property Ports is missing.")
    return [int(port) for port in ports]


def _addresses(ec2: EC2Client, request: Request, name: str, poll_seconds: float) -> list[str]:
    """Return the load balancer's private addresses. Waits until every subnet has an interface.

    Raises Rejected at the deadline.
    """
    subnets = request.properties.get("SubnetIds") or []
    description = f"ELB {name}"
    while True:
        response = ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [description]}],
        )
        # EC2's filter supports wildcards, so compare the whole description.
        found = [i for i in response["NetworkInterfaces"] if i.get("Description") == description]
        if found and len({i["SubnetId"] for i in found}) >= len(subnets):
            return sorted(i["PrivateIpAddress"] for i in found)
        log.info("%d of %d network interfaces of %s exist.", len(found), len(subnets), name)
        if time.monotonic() + poll_seconds > request.deadline:
            raise Rejected(f"{len(found)} of {len(subnets)} network interfaces of {name} exist.")
        time.sleep(poll_seconds)


def _ingress_rules(ec2: EC2Client, group: str) -> list[SecurityGroupRuleTypeDef]:
    """Return the group's ingress rules. Raises ClientError InvalidGroup.NotFound if it does not exist."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group]}],
    )
    return [rule for page in pages for rule in page["SecurityGroupRules"] if not rule.get("IsEgress")]


def _as_rule(rule: SecurityGroupRuleTypeDef) -> Rule | None:
    """Return a rule as port and address range, None for other kinds of rules."""
    if rule.get("IpProtocol") != "tcp" or rule.get("FromPort") != rule.get("ToPort"):
        return None
    return rule.get("FromPort", 0), rule.get("CidrIpv4", "")


def _authorize(ec2: EC2Client, group: str, missing: Iterable[Rule], description: str) -> None:
    for port, address in sorted(missing):
        permission: IpPermissionTypeDef = {
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "IpRanges": [{"CidrIp": address, "Description": description}],
        }
        try:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        except ClientError as error:
            if _code(error) != "InvalidPermission.Duplicate":  # added by another invocation
                raise
        log.info("%s allows %s on port %d.", group, address, port)


def _revoke(ec2: EC2Client, group: str, rules: Iterable[SecurityGroupRuleTypeDef]) -> None:
    for rule in rules:
        try:
            ec2.revoke_security_group_ingress(
                GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
        except ClientError as error:
            if _code(error) != "InvalidSecurityGroupRuleId.NotFound":
                raise
        log.info("%s no longer has rule %s.", group, rule["SecurityGroupRuleId"])


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
