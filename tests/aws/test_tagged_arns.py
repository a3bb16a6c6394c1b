"""ARNs from the Tagging API are parsed into types and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.aws.tagged_arns import read_arn

OF = "arn:aws:{}:ap-northeast-1:123456789012:{}"


@pytest.mark.parametrize(
    ("service", "rest", "type_", "name", "last"),
    [
        ("ec2", "volume/vol-1", "AWS::EC2::Volume", "vol-1", "vol-1"),
        ("rds", "cluster-snapshot:a-b", "AWS::RDS::DBClusterSnapshot", "a-b", "a-b"),
        ("logs", "log-group:/aws/lambda/f", "AWS::Logs::LogGroup", "/aws/lambda/f", "f"),
        ("sqs", "queue", "AWS::SQS::Queue", "queue", "queue"),
        (
            "elasticloadbalancing",
            "loadbalancer/app/x/1",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "app/x/1",
            "1",
        ),
        ("new", "thing/1", "new:thing", "1", "1"),
    ],
)
def test_the_type_is_cloudformations(service: str, rest: str, type_: str, name: str, last: str) -> None:
    found = read_arn(OF.format(service, rest))

    assert (found.type, found.name, found.last) == (type_, name, last)
    assert not found.is_stack


def test_stacks_are_told_apart() -> None:
    assert read_arn(OF.format("cloudformation", "stack/sanso-x/1")).is_stack


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert read_arn(text).text == text
