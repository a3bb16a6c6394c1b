"""Checks of EC2's quotas before resources are created, by templates or by the API."""

import functools
from collections.abc import Callable

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, quotas
from sanso_sandbox.engine.registry import (
    Action,
    Answer,
    Create,
    Created,
    Parameters,
    Properties,
    Refused,
    handler,
)


def install() -> None:
    """Install the checks. NAT gateways and rules of security groups are counted in their own modules."""
    _limit("AWS::EC2::VPC", "CreateVpc", lambda: quotas.require("vpcs", len(ec2._vpcs)))
    _limit(
        "AWS::EC2::InternetGateway",
        "CreateInternetGateway",
        lambda: quotas.require("internet_gateways", len(ec2._internet_gateways)),
    )
    _limit(
        "AWS::EC2::SecurityGroup",
        "CreateSecurityGroup",
        lambda: quotas.require("security_groups", len(ec2._security_groups)),
    )
    _limit("AWS::EC2::EIP", "AllocateAddress", lambda: quotas.require("addresses", len(ec2._addresses)))


def _limit(resource_type: str, action_name: str, check: Callable[[], None]) -> None:
    found = handler(resource_type)
    found["create"] = _checked_create(found["create"], check)
    ec2._ACTION_MAP[action_name] = _checked_action(ec2._ACTION_MAP[action_name], check)


def _checked_create(create: Create, check: Callable[[], None]) -> Create:
    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        ec2._ensure_defaults_initialized()
        check()
        return create(logical_id, properties, stack)

    return created


def _checked_action(action: Action, check: Callable[[], None]) -> Action:
    def checked(parameters: Parameters) -> Answer:
        ec2._ensure_defaults_initialized()
        try:
            check()
        except Refused as refused:
            return ec2_responses.refusal(refused)
        return action(parameters)

    return checked
