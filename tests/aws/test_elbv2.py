"""Load balancers and the health of targets, in the API's own shapes."""

from __future__ import annotations

import pytest

from deployments.aws.elbv2 import ELBv2Gateway, LoadBalancer, TargetGroup, TargetHealth
from deployments.common.errors import AwsNotFound, AwsRetryable
from tests.aws.conftest import Stub

PREFIX = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:"
ALB, NLB = f"{PREFIX}loadbalancer/app/web/1", f"{PREFIX}loadbalancer/net/app/2"
WEB = f"{PREFIX}targetgroup/web/3"


def balancer(arn: str, **values: object) -> dict[str, object]:
    return {"LoadBalancerArn": arn, "LoadBalancerName": arn.split("/")[-2]} | values


def test_a_load_balancer_is_read_with_its_zones_and_state(stub: Stub) -> None:
    client, stubber = stub("elbv2")
    stubber.add_response(
        "describe_load_balancers",
        {
            "LoadBalancers": [
                balancer(
                    ALB,
                    DNSName="web-1.ap-northeast-1.elb.amazonaws.com",
                    Type="application",
                    State={"Code": "active_impaired", "Reason": "too few addresses"},
                    AvailabilityZones=[
                        {"ZoneName": "ap-northeast-1a", "SubnetId": "subnet-1"},
                        {"ZoneName": "ap-northeast-1c", "SubnetId": "subnet-2"},
                    ],
                ),
                balancer(NLB),
            ]
        },
        {"LoadBalancerArns": [ALB, NLB]},
    )

    assert ELBv2Gateway(client).load_balancers([ALB, NLB]) == [
        LoadBalancer(
            arn=ALB,
            name="web",
            dns_name="web-1.ap-northeast-1.elb.amazonaws.com",
            type="application",
            state="active_impaired",
            reason="too few addresses",
            zones=("ap-northeast-1a", "ap-northeast-1c"),
        ),
        LoadBalancer(arn=NLB, name="app", dns_name="", type="", state=""),
    ]


def test_target_groups_are_described_twenty_per_call(stub: Stub) -> None:
    client, stubber = stub("elbv2")
    arns = [f"{PREFIX}targetgroup/web/{number}" for number in range(45)]
    for first in (0, 20, 40):
        chunk = arns[first : first + 20]
        stubber.add_response(
            "describe_target_groups",
            {
                "TargetGroups": [
                    {
                        "TargetGroupArn": arn,
                        "TargetGroupName": "web",
                        "Protocol": "HTTP",
                        "Port": 80,
                        "LoadBalancerArns": [ALB],
                    }
                    for arn in chunk
                ]
            },
            {"TargetGroupArns": chunk},
        )

    found = ELBv2Gateway(client).target_groups(arns)

    assert [group.arn for group in found] == arns
    assert found[0] == TargetGroup(
        arn=arns[0], name="web", protocol="HTTP", port=80, load_balancer_arns=(ALB,)
    )


def test_no_arns_cost_no_call(stub: Stub) -> None:
    """Without ARNs the API would return every load balancer of the account."""
    client, _ = stub("elbv2")
    assert ELBv2Gateway(client).load_balancers([]) == []
    assert ELBv2Gateway(client).target_groups([]) == []


def test_a_deleted_load_balancer_does_not_hide_the_others(stub: Stub) -> None:
    client, stubber = stub("elbv2")
    stubber.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    stubber.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    stubber.add_response(
        "describe_load_balancers", {"LoadBalancers": [balancer(NLB)]}, {"LoadBalancerArns": [NLB]}
    )

    assert [row.arn for row in ELBv2Gateway(client).load_balancers([ALB, NLB])] == [NLB]


def test_targets_have_a_state_a_reason_and_a_description(stub: Stub) -> None:
    client, stubber = stub("elbv2")
    stubber.add_response(
        "describe_target_health",
        {
            "TargetHealthDescriptions": [
                {
                    "Target": {"Id": "i-1", "Port": 80},
                    "HealthCheckPort": "80",
                    "TargetHealth": {
                        "State": "unhealthy",
                        "Reason": "Target.ResponseCodeMismatch",
                        "Description": "Health checks failed with these codes: [500]",
                    },
                },
                {"Target": {"Id": "i-2", "Port": 80}, "TargetHealth": {"State": "healthy"}},
                {"Target": {"Id": "i-3"}},
            ]
        },
        {"TargetGroupArn": WEB},
    )

    assert ELBv2Gateway(client).target_health(WEB) == [
        TargetHealth(
            target_group_arn=WEB,
            target_id="i-1",
            port=80,
            state="unhealthy",
            reason="Target.ResponseCodeMismatch",
            description="Health checks failed with these codes: [500]",
        ),
        TargetHealth(target_group_arn=WEB, target_id="i-2", port=80, state="healthy"),
        TargetHealth(target_group_arn=WEB, target_id="i-3", port=0, state=""),
    ]


def test_a_deleted_group_is_not_found_and_unavailable_health_is_retried(stub: Stub) -> None:
    client, stubber = stub("elbv2")
    stubber.add_client_error("describe_target_health", "TargetGroupNotFound")
    stubber.add_client_error("describe_target_health", "HealthUnavailable", http_status_code=500)
    gateway = ELBv2Gateway(client)

    with pytest.raises(AwsNotFound):
        gateway.target_health(WEB)
    with pytest.raises(AwsRetryable):
        gateway.target_health(WEB)
