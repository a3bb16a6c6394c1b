"""Custom resource: lets the addresses of a network load balancer into a security group, and no others.

For load balancers that have no security group of their own which a rule could name. The rules that this
resource made carry its description; it brings them to the wanted state and leaves all others alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError
from custom_resource import Context, Refused, Request, respond

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import IpPermissionTypeDef, SecurityGroupRuleTypeDef

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

_POLL_SECONDS: Final = 5.0

Rule = tuple[int, str]  # port, address range


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Answer a request of CloudFormation's for a Custom::NlbAddresses."""
    respond(event, context, lambda request: admit(boto3.client("ec2"), request))


def admit(ec2: EC2Client, request: Request, *, poll_seconds: float = _POLL_SECONDS) -> str:
    """Bring the rules to the wanted state, or remove them. Returns the physical id.

    Raises Refused with a sentence for the operator.
    """
    if request.kind == "Delete":
        _withdraw(ec2, request)
        return request.physical_id or request.logical_id
    name = _interface_name(request.required("LoadBalancerArn"))
    group = request.required("SecurityGroupId")
    addresses = _addresses(ec2, request, name, poll_seconds)
    wanted = {(port, f"{address}/32") for port in _ports(request) for address in addresses}
    rules = _ingress_rules(ec2, group)
    _authorize(ec2, group, wanted - {_as_rule(rule) for rule in rules}, _description(name))
    own = [rule for rule in rules if rule.get("Description") == _description(name)]
    _revoke(ec2, group, [rule for rule in own if _as_rule(rule) not in wanted])
    return f"{group}/{name}"


def _withdraw(ec2: EC2Client, request: Request) -> None:
    """Remove the own rules. What is gone already, or was never made by a failed Create, is no error."""
    group = request.properties.get("SecurityGroupId")
    arn = request.properties.get("LoadBalancerArn")
    if not (isinstance(group, str) and isinstance(arn, str) and ":loadbalancer/net/" in arn):
        log.info("Nothing was made for these properties.")
        return
    description = _description(_interface_name(arn))
    try:
        own = [rule for rule in _ingress_rules(ec2, group) if rule.get("Description") == description]
        _revoke(ec2, group, own)
    except ClientError as error:
        if _code(error) != "InvalidGroup.NotFound":
            raise
        log.info("The security group %s is gone already.", group)


def _interface_name(arn: str) -> str:
    """Return `net/<name>/<id>` of a load balancer's ARN. Raises Refused for any other ARN."""
    _, found, name = arn.partition(":loadbalancer/")
    if not found or not name.startswith("net/"):
        raise Refused("LoadBalancerArn is not the ARN of a network load balancer.")
    return name


def _description(name: str) -> str:
    return f"Sanso NLB {name}"


def _ports(request: Request) -> list[int]:
    ports = request.properties.get("Ports")
    if not isinstance(ports, list) or not ports:
        raise Refused("The property Ports is missing.")
    return [int(port) for port in ports]


def _addresses(ec2: EC2Client, request: Request, name: str, poll_seconds: float) -> list[str]:
    """Return the load balancer's private addresses, waiting until each subnet has its interface."""
    subnets = request.properties.get("SubnetIds") or []
    description = f"ELB {name}"
    while True:
        answer = ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [description]}],
        )
        # EC2's filter knows wildcards, which a load balancer's name cannot hold; being exact is free.
        found = [i for i in answer["NetworkInterfaces"] if i.get("Description") == description]
        if found and len({i["SubnetId"] for i in found}) >= len(subnets):
            return sorted(i["PrivateIpAddress"] for i in found)
        log.info("%d of %d network interfaces of %s are there.", len(found), len(subnets), name)
        if time.monotonic() + poll_seconds > request.deadline:
            raise Refused(f"{len(found)} of {len(subnets)} network interfaces of {name} are there.")
        time.sleep(poll_seconds)


def _ingress_rules(ec2: EC2Client, group: str) -> list[SecurityGroupRuleTypeDef]:
    """Return the group's ingress rules. Raises ClientError InvalidGroup.NotFound when it is gone."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group]}],
    )
    return [rule for page in pages for rule in page["SecurityGroupRules"] if not rule.get("IsEgress")]


def _as_rule(rule: SecurityGroupRuleTypeDef) -> Rule | None:
    """Return a rule as port and address range; None when it is about anything else."""
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
            if _code(error) != "InvalidPermission.Duplicate":  # another invocation was faster
                raise
        log.info("%s lets in %s on port %d.", group, address, port)


def _revoke(ec2: EC2Client, group: str, rules: Iterable[SecurityGroupRuleTypeDef]) -> None:
    for rule in rules:
        try:
            ec2.revoke_security_group_ingress(
                GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
        except ClientError as error:
            if _code(error) != "InvalidSecurityGroupRuleId.NotFound":
                raise
        log.info("%s no longer has %s.", group, rule["SecurityGroupRuleId"])


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
