"""The ARN of a resource, and its page in the AWS console of its partition."""

from __future__ import annotations

import pytest

from deployments.deployment_pages.pages.waterfall import aws_console
from deployments.deployment_pages.pages.waterfall.aws_console import AwsLocation

TOKYO = AwsLocation("aws", "ap-northeast-1", "123456789012")


@pytest.mark.parametrize(
    ("type_", "physical_id", "arn", "address"),
    [
        (
            "AWS::EC2::VPC",
            "vpc-1",
            "arn:aws:ec2:ap-northeast-1:123456789012:vpc/vpc-1",
            "https://ap-northeast-1.console.aws.amazon.com/vpcconsole/home?region=ap-northeast-1#VpcDetails:VpcId=vpc-1",
        ),
        (
            "AWS::IAM::Role",
            "Role",
            "arn:aws:iam::123456789012:role/Role",
            "https://console.aws.amazon.com/iam/home#/roles/details/Role",
        ),
        (
            "AWS::RDS::DBCluster",
            "db",
            "arn:aws:rds:ap-northeast-1:123456789012:cluster:db",
            "https://ap-northeast-1.console.aws.amazon.com/rds/home?region=ap-northeast-1#database:id=db;is-cluster=true",
        ),
        (
            "AWS::Logs::LogGroup",
            "/a/b",
            "arn:aws:logs:ap-northeast-1:123456789012:log-group:/a/b",
            "https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1"
            "#logsV2:log-groups/log-group/$252Fa$252Fb",
        ),
        ("Custom::Thing", "x", "", ""),
        ("AWS::SNS::Topic", "arn:aws:sns:r:1:t", "arn:aws:sns:r:1:t", None),
    ],
    ids=["vpc", "role", "cluster", "log-group", "custom", "arn"],
)
def test_a_resource_has_an_arn_and_a_page_in_the_console(
    type_: str, physical_id: str, arn: str, address: str | None
) -> None:
    assert aws_console.arn(type_, physical_id, TOKYO) == arn
    if address is not None:
        assert aws_console.page(type_, physical_id, TOKYO) == address


def test_other_partitions_have_consoles_of_their_own() -> None:
    china = AwsLocation.of("arn:aws-cn:cloudformation:cn-north-1:1:stack/a/b", "cn-north-1")
    assert aws_console.page("AWS::EC2::VPC", "v", china).startswith(
        "https://cn-north-1.console.amazonaws.cn/"
    )
    assert aws_console.arn("AWS::EC2::VPC", "v", china) == "arn:aws-cn:ec2:cn-north-1:1:vpc/v"
