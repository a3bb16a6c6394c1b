"""Every gateway implements its protocol, which alone has the documentation."""

from __future__ import annotations

import inspect

import pytest

from deployments.aws import (
    acm,
    autoscaling,
    cloudformation,
    cloudtrail,
    cloudwatch,
    ec2,
    elbv2,
    logs,
    rds,
    s3,
    ssm,
    sts,
    tagging,
)

GATEWAYS = [
    (acm.ACM, acm.ACMGateway),
    (autoscaling.AutoScaling, autoscaling.AutoScalingGateway),
    (cloudformation.CloudFormation, cloudformation.CloudFormationGateway),
    (cloudtrail.CloudTrail, cloudtrail.CloudTrailGateway),
    (cloudwatch.CloudWatch, cloudwatch.CloudWatchGateway),
    (ec2.EC2, ec2.EC2Gateway),
    (elbv2.ELBv2, elbv2.ELBv2Gateway),
    (logs.Logs, logs.LogsGateway),
    (rds.RDS, rds.RDSGateway),
    (s3.S3, s3.S3Gateway),
    (ssm.SSM, ssm.SSMGateway),
    (sts.STS, sts.STSGateway),
    (tagging.Tagging, tagging.TaggingGateway),
]


@pytest.mark.parametrize(("protocol", "gateway"), GATEWAYS, ids=lambda one: one.__name__)
def test_a_method_has_its_docstring_on_the_protocol_only(protocol: type, gateway: type) -> None:
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.getdoc(method), name
            assert getattr(gateway, name).__doc__ is None, name
