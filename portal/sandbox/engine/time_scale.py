"""How fast time passes in the sandbox, and how long each resource type takes; nothing here knows stacks.

Durations are written as AWS's own seconds. At scale 1 they are compressed so that the eleven minutes of a
three-tier environment pass in about one; at scale 0 nothing waits.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from ministack.core.responses import get_account_id

COMPRESSION: Final = 1 / 12  # seconds here for each second on AWS, at scale 1
SLOWEST: Final = 1000.0  # of the scales that can be set; 12 is AWS's own
DEFAULT: Final = 8.0  # seconds AWS takes for a resource type that has no line of its own
CHECK: Final = 0.25  # seconds after which a waiting step checks again whether the scale changed

# Medians of what AWS takes for a create, from public deployment logs; deletes and updates take the shares
# below unless they have a line of their own.
CREATE: Final = {
    "AWS::AutoScaling::AutoScalingGroup": 45.0,
    "AWS::CloudFormation::Stack": 12.0,  # from the last resource of a nested stack until its parent notices
    "AWS::CloudFormation::CustomResource": 2.0,
    "AWS::CloudFormation::WaitCondition": 0.0,
    "AWS::CloudFormation::WaitConditionHandle": 1.0,
    "AWS::EC2::EIP": 15.0,
    "AWS::EC2::InternetGateway": 16.0,
    "AWS::EC2::LaunchTemplate": 6.0,
    "AWS::EC2::NatGateway": 100.0,
    "AWS::EC2::Route": 6.0,
    "AWS::EC2::RouteTable": 11.0,
    "AWS::EC2::SecurityGroup": 7.0,
    "AWS::EC2::SecurityGroupEgress": 4.0,
    "AWS::EC2::SecurityGroupIngress": 4.0,
    "AWS::EC2::Subnet": 5.0,
    "AWS::EC2::SubnetRouteTableAssociation": 4.0,
    "AWS::EC2::VPC": 12.0,
    "AWS::EC2::VPCEndpoint": 20.0,
    "AWS::EC2::VPCGatewayAttachment": 16.0,
    "AWS::ElasticLoadBalancingV2::Listener": 3.0,
    "AWS::ElasticLoadBalancingV2::ListenerRule": 3.0,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 155.0,
    "AWS::ElasticLoadBalancingV2::TargetGroup": 16.0,
    "AWS::IAM::InstanceProfile": 120.0,
    "AWS::IAM::ManagedPolicy": 16.0,
    "AWS::IAM::Policy": 16.0,
    "AWS::IAM::Role": 17.0,
    "AWS::Lambda::Function": 8.0,
    "AWS::Lambda::LayerVersion": 6.0,
    "AWS::Logs::LogGroup": 3.0,
    "AWS::RDS::DBCluster": 43.0,
    "AWS::RDS::DBClusterParameterGroup": 10.0,
    "AWS::RDS::DBInstance": 381.0,
    "AWS::RDS::DBParameterGroup": 10.0,
    "AWS::RDS::DBSubnetGroup": 5.0,
    "AWS::S3::Bucket": 22.0,
    "AWS::SecretsManager::Secret": 2.0,
    "AWS::SNS::Topic": 10.0,
    "AWS::SQS::Queue": 65.0,
    "AWS::SSM::Association": 4.0,  # without a success wait; with one its executions take the time
    "AWS::SSM::Document": 2.0,
    "AWS::SSM::Parameter": 2.0,
}
DELETE: Final = {
    "AWS::AutoScaling::AutoScalingGroup": 80.0,
    "AWS::EC2::NatGateway": 50.0,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 12.0,
    "AWS::IAM::InstanceProfile": 2.0,
    "AWS::RDS::DBCluster": 40.0,
    "AWS::RDS::DBInstance": 300.0,
    "AWS::SQS::Queue": 10.0,
}
DELETE_SHARE: Final = 0.3
UPDATE_SHARE: Final = 0.3
CHANGE_SET: Final = 9.0  # one level of change set

_default = 1.0
_of_account: dict[str, float] = {}


def current(account: str | None = None) -> float:
    """Return the time scale of an account; without one, of that whose request or stack this thread serves."""
    return _of_account.get(account or get_account_id(), _default)


def change(scale: float, account: str | None = None) -> None:
    """Set the time scale of one account, or of every account; waits that have begun follow it.

    Raises ValueError when the scale is not a number from 0 to SLOWEST.
    """
    global _default
    if not 0 <= scale <= SLOWEST:  # nor is NaN
        raise ValueError(f"a time scale is a number from 0 to {SLOWEST:g}")
    if account is None:
        _of_account.clear()
        _default = scale
    else:
        _of_account[account] = scale


def of_create(resource_type: str) -> float:
    """Return how many seconds AWS takes to create a resource of the type."""
    if resource_type.startswith("Custom::"):
        return CREATE["AWS::CloudFormation::CustomResource"]
    return CREATE.get(resource_type, DEFAULT)


def of_update(resource_type: str) -> float:
    """Return how many seconds AWS takes to change a resource of the type in place."""
    return of_create(resource_type) * UPDATE_SHARE


def of_delete(resource_type: str) -> float:
    """Return how many seconds AWS takes to delete a resource of the type."""
    return DELETE.get(resource_type, of_create(resource_type) * DELETE_SHARE)


async def pause(aws_seconds: float, stop: asyncio.Event) -> bool:
    """Let that many of AWS's seconds pass on the event loop, at the time scale of each moment.

    Returns whether they passed; False as soon as stop is set.
    """
    left = aws_seconds
    while not stop.is_set():
        factor = COMPRESSION * current()
        if left * factor <= 0:
            await asyncio.sleep(0)
            return not stop.is_set()
        started = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left * factor, CHECK)):
                await stop.wait()
        left -= (time.monotonic() - started) / factor
    return False


def sleep(aws_seconds: float, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Let that many of AWS's seconds pass in a worker thread; returns False as soon as stopped() is true."""
    left = aws_seconds
    while not stopped():
        factor = COMPRESSION * current()
        if left * factor <= 0:
            return True
        started = time.monotonic()
        time.sleep(min(left * factor, CHECK))
        left -= (time.monotonic() - started) / factor
    return False


def shortened(aws_seconds: float, *, at_least: float = 0.0) -> float:
    """Scale a duration of AWS's to the account's present time scale.

    Args:
        at_least: seconds that must pass at any scale, for deadlines that real work has to meet.
    """
    return max(at_least, aws_seconds * COMPRESSION * current())


class Moment:
    """When something happened, in the account that this thread serves; how long ago in AWS's seconds.

    What has passed at one scale stays passed when the scale changes.
    """

    __slots__ = ("_at", "_scale")

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._scale = current()

    def is_past(self, aws_seconds: float) -> bool:
        """Return whether so many of AWS's seconds have passed since, at the scale of then or of now."""
        scale = min(self._scale, current())
        return time.monotonic() - self._at >= aws_seconds * COMPRESSION * scale
