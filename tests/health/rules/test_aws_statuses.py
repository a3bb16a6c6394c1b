"""Every status in botocore's models has a meaning, and resources are observed in the right tier."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from deployments.cloudformation.observed_resources import CreatedResource, observed_resources_of
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules import aws_statuses


def enum(service: str, shape: str) -> list[str]:
    model: Any = botocore.session.get_session().get_service_model(service).shape_for(shape)
    return list(model.enum)


def test_every_target_state_and_reason_has_a_meaning() -> None:
    assert set(enum("elbv2", "TargetHealthStateEnum")) == set(aws_statuses.TARGET_STATES)
    assert set(enum("elbv2", "TargetHealthReasonEnum")) == set(aws_statuses.TARGET_REASONS)


def test_every_load_balancer_state_has_a_meaning() -> None:
    assert set(enum("elbv2", "LoadBalancerStateEnum")) == set(aws_statuses.LOAD_BALANCERS)


def test_every_lifecycle_state_and_activity_status_has_a_meaning() -> None:
    assert set(enum("autoscaling", "LifecycleState")) == set(aws_statuses.LIFECYCLES)
    assert set(enum("autoscaling", "ScalingActivityStatusCode")) == set(aws_statuses.ACTIVITIES)


def test_every_association_status_has_a_meaning() -> None:
    assert set(enum("ssm", "AssociationStatusName")) <= set(aws_statuses.RUNS)


@pytest.mark.parametrize("state", ["unhealthy", "initial", "unused", "unavailable", "healthy"])
def test_a_state_outranks_the_reason_that_explains_it(state: str) -> None:
    for reason in aws_statuses.TARGET_REASONS:
        status = aws_statuses.of_target(state, reason).health
        assert (status is HealthStatus.HEALTHY) == (state == "healthy")
        if state == "unhealthy":
            assert status is HealthStatus.UNHEALTHY


ELB = "AWS::ElasticLoadBalancingV2"


@pytest.mark.parametrize(
    ("path", "logical_id", "kind", "physical_id", "expected"),
    [
        ("Network", "WebTargetGroup", f"{ELB}::TargetGroup", "arn:1", "web"),
        ("Network", "AppTargetGroup", f"{ELB}::TargetGroup", "arn:1", "app"),
        ("AppServers", "AutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup", "g", "app"),
        ("WebServers", "AutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup", "g", "web"),
        ("Configuration", "AwsDocumentAppServerAssociation", "AWS::SSM::Association", "a", "app"),
        ("AppStack", "NLBAutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup", "g", "app"),
        ("WebStack", "ALBAutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup", "g", "web"),
        ("ALBStack", "ALBTargetGroup", f"{ELB}::TargetGroup", "arn:1", "web"),
        ("NLBStack", "NLBTargetGroup", f"{ELB}::TargetGroup", "arn:1", "app"),
        ("", "Front", f"{ELB}::LoadBalancer", "arn:x:loadbalancer/app/a/1", "alb"),
        ("", "Front", f"{ELB}::LoadBalancer", "arn:x:loadbalancer/net/a/1", "nlb"),
        ("", "Other", "AWS::SSM::Association", "a", ""),
    ],
    ids=lambda value: value or "root",
)
def test_resources_of_both_template_sets_are_in_the_right_tier(
    path: str, logical_id: str, kind: str, physical_id: str, expected: str
) -> None:
    parts = observed_resources_of(
        [CreatedResource(path=path, logical_id=logical_id, type=kind, physical_id=physical_id)]
    )

    found = {**parts.load_balancers, **parts.target_groups, **parts.groups, **parts.associations}
    assert found == {physical_id: expected}


def test_resources_without_a_physical_id_and_of_other_types_are_not_observed() -> None:
    made = [
        CreatedResource(path="", logical_id="WebTargetGroup", type=f"{ELB}::TargetGroup", physical_id=""),
        CreatedResource(path="", logical_id="Topic", type="AWS::SNS::Topic", physical_id="arn:topic"),
    ]
    assert not observed_resources_of(made)
