"""The gateway to Elastic Load Balancing: deletion protection of load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from deployments.aws.verdicts import calling

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


class ELBv2(Protocol):
    """What the runner asks of Elastic Load Balancing."""

    def unprotect_load_balancer(self, arn: str) -> None:
        """Turn off the deletion protection of a load balancer."""
        ...


class ELBv2Gateway:
    """Elastic Load Balancing through boto3."""

    def __init__(self, client: ElasticLoadBalancingv2Client) -> None:
        self._client = client

    def unprotect_load_balancer(self, arn: str) -> None:
        """Turn off the deletion protection of a load balancer."""
        with calling("elasticloadbalancing:ModifyLoadBalancerAttributes"):
            self._client.modify_load_balancer_attributes(
                LoadBalancerArn=arn,
                Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
            )
