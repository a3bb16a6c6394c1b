"""Usual durations of resources: from earlier deployments, or else from public logs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployments.cloudformation.status import OperationKind

TENTH = 1.2816
"""Standard deviations from the mean of a normal distribution to its tenth and ninetieth percentile."""
MAX_SPREAD = 1.5
"""A larger spread is meaningless."""
PHASE_TYPE = "Sanso::Phase"
CLOSING_TYPE = "Sanso::StackClosing"
"""The time that a stack takes after its last part has ended."""


FUNCTION_IN_VPC = "AWS::Lambda::Function in a VPC"
"""A function with network interfaces, whose deletion takes much longer than that of another one."""


class DurationSource(StrEnum):
    """What a usual duration is computed from, the nearest first."""

    HERE = "here"  # the same resource, in this account
    TYPE = "type"  # resources of its type, in this account
    KIND = "kind"  # the same resource or its type, in accounts of the same kind
    PRIOR = "prior"  # public logs


@dataclass(frozen=True, slots=True)
class UsualDuration:
    """The usual duration in seconds: the median, and the tenth and ninetieth percentile.

    `runs` is the number of measured durations, 0 if there is no history.
    """

    seconds: float
    low: float
    high: float
    runs: int = 0
    source: str = DurationSource.PRIOR.value

    @property
    def spread(self) -> float:
        """Return the standard deviation of the logarithm."""
        if self.low <= 0 or self.high <= self.low:
            return 0.02
        return max(0.02, min(MAX_SPREAD, math.log(max(1.0, self.high / self.low)) / (2 * TENTH)))

    def as_row(self) -> list[float | int | str]:
        """Return the duration in the form of a row."""
        return [round(self.seconds, 2), round(self.low, 2), round(self.high, 2), self.runs, str(self.source)]

    @classmethod
    def from_row(cls, stored: object) -> UsualDuration | None:
        """Return the duration of a row; None if it has another format."""
        if not isinstance(stored, list) or len(stored) != 5:
            return None
        seconds, low, high, runs, source = stored
        return cls(float(seconds), float(low), float(high), int(runs), str(source))


@dataclass(frozen=True, slots=True)
class PastDuration:
    """One duration of the history. `here`: it was in the same account."""

    path: str
    type: str
    seconds: float
    here: bool


# Medians of creates in seconds, from public deployment logs (NAT gateways 84-121, network load balancers
# 142-161, application load balancers 135-190, Aurora instances about 381); a range only where it is known.
_CREATE: Mapping[str, float | tuple[float, float, float]] = {
    "AWS::AutoScaling::AutoScalingGroup": (45, 30, 80),
    "AWS::CloudFormation::WaitCondition": (60, 5, 300),
    "AWS::CloudWatch::Alarm": 3,
    "AWS::EC2::EIP": 15,
    "AWS::EC2::InternetGateway": 16,
    "AWS::EC2::NatGateway": (100, 84, 121),
    "AWS::EC2::RouteTable": 11,
    "AWS::EC2::VPC": 12,
    "AWS::EC2::VPCEndpoint": 20,
    "AWS::EC2::VPCGatewayAttachment": 16,
    "AWS::ElasticLoadBalancingV2::Listener": 3,
    "AWS::ElasticLoadBalancingV2::ListenerRule": 3,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (155, 135, 190),
    "AWS::ElasticLoadBalancingV2::TargetGroup": 16,
    "AWS::IAM::InstanceProfile": (120, 100, 140),
    "AWS::IAM::ManagedPolicy": 16,
    "AWS::IAM::Policy": 16,
    "AWS::IAM::Role": 17,
    "AWS::Logs::LogGroup": 3,
    "AWS::RDS::DBCluster": (43, 35, 70),
    "AWS::RDS::DBClusterParameterGroup": 10,
    "AWS::RDS::DBInstance": (381, 300, 520),
    "AWS::RDS::DBParameterGroup": 10,
    "AWS::S3::Bucket": 22,
    "AWS::SecretsManager::Secret": 2,
    "AWS::SNS::Topic": 10,
    "AWS::SQS::Queue": 65,
    "AWS::SSM::Association": (80, 35, 200),
    "AWS::SSM::Document": 2,
    "AWS::SSM::Parameter": 2,
}
_DELETE: Mapping[str, float | tuple[float, float, float]] = {
    "AWS::AutoScaling::AutoScalingGroup": (80, 50, 200),
    "AWS::EC2::NatGateway": (50, 40, 70),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 12,
    "AWS::IAM::InstanceProfile": 2,
    # CloudFormation waits until the function's network interfaces are gone.
    FUNCTION_IN_VPC: (1500, 1200, 2400),
    "AWS::RDS::DBCluster": (40, 25, 120),
    "AWS::RDS::DBInstance": (300, 200, 500),
    "AWS::SQS::Queue": 10,
}
LAUNCHES_SERVERS = "AWS::AutoScaling::AutoScalingGroup"
"""An update of a group that launches servers waits for them, like its creation."""
_OF_THE_PORTAL: Mapping[str, tuple[float, float, float]] = {
    "@preflight": (4, 2, 12),
    "@artifacts": (5, 2, 20),
    "@change_set": (20, 12, 45),
    "@servers": (300, 180, 900),  # two servers, the first one watched for 120 s
    "@configuration": (15, 5, 60),
    "@traffic": (25, 10, 80),
    "@ready": (5, 2, 20),
    "@protect": (75, 40, 150),  # an update of all nested stacks that changes three resources
}
_DEFAULT = 8.0
_CLOSING = (12.0, 6.0, 22.0)
_UPDATE_SHARE = _DELETE_SHARE = 0.3


def prior(path: str, type_: str, operation: OperationKind, scale: float = 1.0) -> UsualDuration:
    """Return the usual duration of a resource type by public logs. `scale` is the time scale, 1 on AWS.

    An unknown type takes a few seconds, like most types.
    """
    found: float | tuple[float, float, float] = _CREATE.get(type_, _DEFAULT)
    if path in _OF_THE_PORTAL:
        found = _OF_THE_PORTAL[path]
    elif type_ == CLOSING_TYPE:
        found = _CLOSING
    elif operation in (OperationKind.DELETE, OperationKind.ROLLBACK) and type_ in _DELETE:
        found = _DELETE[type_]
    elif operation is OperationKind.UPDATE and type_ == LAUNCHES_SERVERS:
        pass
    elif operation is not OperationKind.CREATE:
        share = _UPDATE_SHARE if operation is OperationKind.UPDATE else _DELETE_SHARE
        found = share * (found if isinstance(found, float | int) else found[0])
    middle, low, high = found if isinstance(found, tuple) else (found, 0.6 * found, 1.9 * found)
    return UsualDuration(scale * middle, scale * low, scale * high)


def learn(seconds: Sequence[float], source: DurationSource) -> UsualDuration:
    """Return the usual duration from measured ones; with few of them, the spread is wide."""
    logs = sorted(math.log(max(0.05, one)) for one in seconds)
    number = len(logs)
    middle = (logs[(number - 1) // 2] + logs[number // 2]) / 2
    # Add the weight of three runs with a deviation of 25 %.
    spread = math.sqrt((3 * 0.25**2 + sum((one - middle) ** 2 for one in logs)) / (3 + number - 1))
    spread = max(0.05, spread * math.sqrt(1 + 1 / number))
    at = math.exp(middle)
    return UsualDuration(
        at, at * math.exp(-TENTH * spread), at * math.exp(TENTH * spread), number, source.value
    )


class DurationHistory:
    """The durations of earlier deployments, in the accounts of one kind, for one operation."""

    def __init__(self, taken: Iterable[PastDuration], operation: OperationKind, scale: float = 1.0) -> None:
        self.operation, self.scale = operation, scale
        self._found: dict[tuple[DurationSource, str], list[float]] = {}
        self._learned: dict[tuple[DurationSource, str], UsualDuration] = {}
        for one in taken:
            own = f"{one.path}\n{one.type}"
            for source, key in (
                (DurationSource.HERE, own) if one.here else (DurationSource.KIND, own),
                (DurationSource.TYPE, one.type) if one.here else (DurationSource.KIND, one.type),
            ):
                if (source is DurationSource.HERE or one.type) and len(
                    self._found.get((source, key), ())
                ) < 50:
                    self._found.setdefault((source, key), []).append(one.seconds)

    def of(self, path: str, type_: str, *, in_vpc: bool = False) -> UsualDuration:
        """Return the usual duration of the resource at a path, from the nearest history that exists.

        `in_vpc`: it is a function in a VPC, so that other functions' durations say nothing about it.
        """
        own = f"{path}\n{type_}"
        for source, key in (
            (DurationSource.HERE, own),
            (DurationSource.TYPE, type_),
            (DurationSource.KIND, own),
            (DurationSource.KIND, type_),
        ):
            if in_vpc and key == type_:
                continue
            if (seconds := self._found.get((source, key))) and _is_usable(key, type_):
                if (source, key) not in self._learned:  # many resources share a type's history
                    self._learned[source, key] = learn(seconds, source)
                return self._learned[source, key]
        return prior(path, FUNCTION_IN_VPC if in_vpc else type_, self.operation, self.scale)


def _is_usable(key: str, type_: str) -> bool:
    """Return whether a history is usable: custom resources, phases and stacks of one type vary too much."""
    alike = type_ not in (PHASE_TYPE, "AWS::CloudFormation::Stack", "AWS::CloudFormation::CustomResource")
    return "\n" in key or (alike and not type_.startswith("Custom::"))
