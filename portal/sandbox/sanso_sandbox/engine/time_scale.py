"""The time scale of the sandbox, and AWS's durations of operations by resource type; independent of stacks.

Durations are in AWS's own seconds. With time scale 1 they are compressed so that the eleven minutes of a
three-tier environment take about one; with time scale 0 nothing waits.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from ministack.core.responses import get_account_id

COMPRESSION: Final = 1 / 12  # seconds here for each of AWS's seconds, with time scale 1
SLOWEST: Final = 1000.0  # maximum time scale; 12 is AWS's own speed
DEFAULT: Final = 8.0  # AWS's seconds for a resource type without an entry
CHECK: Final = 0.25  # seconds after which a pause checks whether the time scale has changed

# Median durations of AWS's creates, from public deployment logs; deletes and updates take the shares below
# unless they have an entry.
CREATE: Final = {
    "AWS::AutoScaling::AutoScalingGroup": 45.0,
    "AWS::CloudFormation::Stack": 12.0,  # from the last resource of a nested stack until its parent continues
    "AWS::CloudFormation::CustomResource": 2.0,
    "AWS::CloudFormation::WaitCondition": 0.0,
    "AWS::CloudFormation::WaitConditionHandle": 1.0,
    "AWS::CloudWatch::Alarm": 3.0,
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
    "AWS::SSM::Association": 4.0,  # without waiting for success; otherwise its executions add their time
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
CHANGE_SET: Final = 9.0  # for each level of a change set

_default = 1.0
_of_account: dict[str, float] = {}


def current(account: str | None = None) -> float:
    """Return the time scale of an account, by default of the one in this thread's request or operation."""
    return _of_account.get(account or get_account_id(), _default)


def change(scale: float, account: str | None = None) -> None:
    """Set the time scale of one account, or of every account; current waits adapt to it.

    Raises ValueError if the scale is not a number from 0 to SLOWEST.
    """
    global _default
    if not 0 <= scale <= SLOWEST:  # also rejects NaN
        raise ValueError(f"a time scale is a number from 0 to {SLOWEST:g}")
    if account is None:
        _of_account.clear()
        _default = scale
    else:
        _of_account[account] = scale


def of_create(resource_type: str) -> float:
    """Return AWS's seconds for creating a resource of the type."""
    if resource_type.startswith("Custom::"):
        return CREATE["AWS::CloudFormation::CustomResource"]
    return CREATE.get(resource_type, DEFAULT)


def of_update(resource_type: str) -> float:
    """Return AWS's seconds for updating a resource of the type in place."""
    return of_create(resource_type) * UPDATE_SHARE


def of_delete(resource_type: str) -> float:
    """Return AWS's seconds for deleting a resource of the type."""
    return DELETE.get(resource_type, of_create(resource_type) * DELETE_SHARE)


async def pause(aws_seconds: float, stop: asyncio.Event) -> bool:
    """Wait for this number of AWS's seconds on the event loop, adapting to changes of the time scale.

    Return True after that time, or False once stop is set.
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
    """Wait for this number of AWS's seconds in a worker thread; return False once stopped() is true."""
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
    """Return a duration of AWS in seconds here, by the account's current time scale.

    Args:
        at_least: minimum in seconds at any time scale, for deadlines of real work.
    """
    return max(at_least, aws_seconds * COMPRESSION * current())


class Moment:
    """The time of an event in this thread's account, compared in AWS's seconds.

    A duration that has passed at one time scale stays passed when the time scale changes.
    """

    __slots__ = ("_at", "_scale")

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._scale = current()

    def is_past(self, aws_seconds: float) -> bool:
        """Return whether this number of AWS's seconds has passed, by the earlier or the current scale."""
        scale = min(self._scale, current())
        return time.monotonic() - self._at >= aws_seconds * COMPRESSION * scale


class Wait:
    """A wait that begins now in this thread's account, for a number of AWS's seconds.

    It ends earlier if the time scale becomes faster.

    Args:
        at_least: minimum in seconds at any time scale, for real work.
    """

    __slots__ = ("_at_least", "_began", "_began_at", "_seconds")

    def __init__(self, aws_seconds: float, *, at_least: float = 0.0) -> None:
        self._seconds, self._at_least = aws_seconds, at_least
        self._began, self._began_at = Moment(), time.monotonic()

    def is_over(self) -> bool:
        return time.monotonic() - self._began_at >= self._at_least and self._began.is_past(self._seconds)
