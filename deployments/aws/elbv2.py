"""The gateway to Elastic Load Balancing: load balancers, target groups, the health of targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling
from deployments.common.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

AT_ONCE = 20
"""ARNs in one call (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html)."""

_PROTECTION = "deletion_protection.enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """A load balancer. Type and state are the API's values: `network`, `active_impaired`."""

    arn: str
    name: str
    dns_name: str
    type: str
    state: str
    reason: str = ""
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group. If `load_balancer_arns` is empty, no load balancer uses it.

    `health_port` is the port of its health checks, 0 for that of each target.
    """

    arn: str
    name: str
    protocol: str
    port: int
    health_port: int = 0
    load_balancer_arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """The health of a target. State and reason are the API's values: `unhealthy`, `Target.Timeout`.

    `zone` is empty if the target has its instance's zone, as with targets that CloudFormation creates.
    """

    target_group_arn: str
    target_id: str
    port: int
    zone: str = ""
    state: str
    reason: str = ""
    description: str = ""


class ELBv2(Protocol):
    """The calls to Elastic Load Balancing that the runner makes. Lists leave out what does not exist."""

    def load_balancers(self, arns: Sequence[str]) -> list[LoadBalancer]:
        """Return those of the load balancers that exist."""
        ...

    def target_groups(self, arns: Sequence[str]) -> list[TargetGroup]:
        """Return those of the target groups that exist."""
        ...

    def target_health(self, target_group_arn: str) -> list[TargetHealth]:
        """Return the group's targets, including draining ones. Raise AwsNotFound if the group is gone."""
        ...

    def register_target(self, target_group_arn: str, instance_id: str) -> None:
        """Let a target group send requests to an instance. A second call has no effect."""
        ...

    def deregister_target(self, target_group_arn: str, instance_id: str) -> None:
        """Let requests to an instance end and send no new ones. A second call has no effect."""
        ...

    def deletion_protection(self, arn: str) -> bool:
        """Return whether a load balancer is protected from deletion. Raise AwsNotFound if it is gone."""
        ...

    def unprotect_load_balancer(self, arn: str) -> None:
        """Turn off the deletion protection of a load balancer."""
        ...


class ELBv2Gateway:
    """Elastic Load Balancing through boto3; the protocol above documents the methods."""

    def __init__(self, client: ElasticLoadBalancingv2Client) -> None:
        self._client = client

    def load_balancers(self, arns: Sequence[str]) -> list[LoadBalancer]:
        return [
            LoadBalancer(
                arn=row["LoadBalancerArn"],
                name=row["LoadBalancerName"],
                dns_name=row.get("DNSName", ""),
                type=row.get("Type", ""),
                state=row.get("State", {}).get("Code", ""),
                reason=row.get("State", {}).get("Reason", ""),
                zones=tuple(zone.get("ZoneName", "") for zone in row.get("AvailabilityZones", [])),
            )
            for row in _existing(self._describe_load_balancers, arns)
        ]

    def _describe_load_balancers(self, arns: list[str]) -> list[Any]:
        with calling("elasticloadbalancing:DescribeLoadBalancers"):
            return self._client.describe_load_balancers(LoadBalancerArns=arns)["LoadBalancers"]

    def target_groups(self, arns: Sequence[str]) -> list[TargetGroup]:
        return [
            TargetGroup(
                arn=row["TargetGroupArn"],
                name=row["TargetGroupName"],
                protocol=row.get("Protocol", ""),
                port=row.get("Port", 0),
                health_port=int(port) if (port := row.get("HealthCheckPort", "")).isdigit() else 0,
                load_balancer_arns=tuple(row.get("LoadBalancerArns", [])),
            )
            for row in _existing(self._describe_target_groups, arns)
        ]

    def _describe_target_groups(self, arns: list[str]) -> list[Any]:
        with calling("elasticloadbalancing:DescribeTargetGroups"):
            return self._client.describe_target_groups(TargetGroupArns=arns)["TargetGroups"]

    def target_health(self, target_group_arn: str) -> list[TargetHealth]:
        # One call for any number of targets: the API has no pages.
        with calling("elasticloadbalancing:DescribeTargetHealth"):
            rows = self._client.describe_target_health(TargetGroupArn=target_group_arn)
        return [
            TargetHealth(
                target_group_arn=target_group_arn,
                target_id=row["Target"]["Id"],
                port=row["Target"].get("Port", 0),
                zone=row["Target"].get("AvailabilityZone", ""),
                state=row.get("TargetHealth", {}).get("State", ""),
                reason=row.get("TargetHealth", {}).get("Reason", ""),
                description=row.get("TargetHealth", {}).get("Description", ""),
            )
            for row in rows["TargetHealthDescriptions"]
        ]

    def register_target(self, target_group_arn: str, instance_id: str) -> None:
        with calling("elasticloadbalancing:RegisterTargets"):
            self._client.register_targets(TargetGroupArn=target_group_arn, Targets=[{"Id": instance_id}])

    def deregister_target(self, target_group_arn: str, instance_id: str) -> None:
        with calling("elasticloadbalancing:DeregisterTargets"):
            self._client.deregister_targets(TargetGroupArn=target_group_arn, Targets=[{"Id": instance_id}])

    def deletion_protection(self, arn: str) -> bool:
        with calling("elasticloadbalancing:DescribeLoadBalancerAttributes"):
            rows = self._client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return any(row["Key"] == _PROTECTION and row["Value"] == "true" for row in rows)

    def unprotect_load_balancer(self, arn: str) -> None:
        with calling("elasticloadbalancing:ModifyLoadBalancerAttributes"):
            self._client.modify_load_balancer_attributes(
                LoadBalancerArn=arn,
                Attributes=[{"Key": _PROTECTION, "Value": "false"}],
            )


def _existing(describe: Callable[[list[str]], list[Any]], arns: Sequence[str]) -> list[Any]:
    """Describe as many at once as the API allows; one by one if it rejects a call because one is missing."""
    found: list[Any] = []
    for first in range(0, len(arns), AT_ONCE):
        chunk = list(arns[first : first + AT_ONCE])
        try:
            found += describe(chunk)
        except AwsNotFound:
            if len(chunk) > 1:
                found += [row for arn in chunk for row in _existing(describe, [arn])]
    return found
