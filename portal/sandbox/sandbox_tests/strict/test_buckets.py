"""S3: access control lists, owners, regions, and buckets for access logs."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.strict.reasons import creation_failure

LOGGED = """
Parameters: {Subnets: {Type: CommaDelimitedList}, Bucket: {Type: String}}
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Scheme: internal
      Subnets: !Ref Subnets
      LoadBalancerAttributes:
        - {Key: access_logs.s3.enabled, Value: "true"}
        - {Key: access_logs.s3.bucket, Value: !Ref Bucket}
"""


def _bucket(account: Account) -> str:
    name = f"strict-{account.id}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def test_access_control_lists_are_disabled_on_new_buckets(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-ownership-error-responses.html"""
    bucket = _bucket(account)
    with pytest.raises(ClientError, match="AccessControlListNotSupported"):
        account.client("s3").put_object(Bucket=bucket, Key="key", Body=b"", ACL="public-read")


def test_a_request_for_another_expected_owner_is_denied(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html"""
    bucket = _bucket(account)
    s3 = account.client("s3")
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account.id)
    with pytest.raises(ClientError, match="403"):
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="111122223333")


def test_a_bucket_of_another_region_is_redirected(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (PermanentRedirect)"""
    bucket = _bucket(account)
    elsewhere = boto3.client(  # type: ignore[call-overload]
        "s3",
        region_name="eu-west-1",
        **account.sandbox.credentials(account.id),
        config=Config(retries={"total_max_attempts": 1}),
    )
    meta = elsewhere.head_bucket(Bucket=bucket)["ResponseMetadata"]
    assert meta["HTTPHeaders"]["x-amz-bucket-region"] == REGION
    elsewhere.close()


def test_a_bucket_for_access_logs_lets_elastic_load_balancing_write(
    account: Account, network: Network
) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"""
    bucket = _bucket(account)
    values = {"Subnets": f"{network.subnet_a},{network.subnet_c}", "Bucket": bucket}
    reason = creation_failure(account, LOGGED, "Balancer", **values)
    assert reason.text == f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
    assert (reason.service, reason.code) == ("ElasticLoadBalancingV2", "InvalidRequest")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{account.id}/*",
    }
    account.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    made(account, "logged", LOGGED, **values)
