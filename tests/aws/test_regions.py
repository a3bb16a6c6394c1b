"""The partitions of regions, compared with those that botocore knows."""

from __future__ import annotations

import botocore.session
import pytest

from deployments.aws.regions import arn_beginning, partition


def test_every_region_has_the_partition_that_botocore_knows() -> None:
    session = botocore.session.get_session()
    known = {
        region: name
        for name in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=name)
    }
    assert len(set(known.values())) > 3
    assert {region: partition(region) for region in known} == known


@pytest.mark.parametrize(
    ("given", "region", "begin"),
    [
        ("arn:aws:sns:us-east-1:123456789012:oncall", "ap-northeast-1", "arn:aws:sns:ap-northeast-1:"),
        ("arn:aws:acm:us-east-1:123456789012:c/1", "cn-north-1", "arn:aws-cn:acm:cn-north-1:"),
        ("oncall", "eu-west-1", "arn:aws::eu-west-1:"),
    ],
)
def test_an_arn_of_the_same_service_begins_with_the_region(given: str, region: str, begin: str) -> None:
    assert arn_beginning(given, region) == begin
