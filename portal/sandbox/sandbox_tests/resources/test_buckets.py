"""S3 operations that a portal uses for its artifacts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.sandboxes import Sandbox


@pytest.fixture
def bucket(account: Account) -> str:
    """Create a bucket and return its name."""
    name = f"artifacts-{account.id}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def code(refused: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_bucket_is_missing_then_there_then_taken(account: Account) -> None:
    s3 = account.client("s3")
    name = f"artifacts-{account.id}"
    with pytest.raises(ClientError) as missing:
        s3.head_bucket(Bucket=name)
    assert code(missing) == ("404", 404)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == REGION
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == REGION
    with pytest.raises(ClientError) as taken:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert code(taken) == ("BucketAlreadyOwnedByYou", 409)


def test_another_accounts_bucket_is_forbidden_and_its_name_taken(
    account: Account, sandbox: Sandbox, bucket: str
) -> None:
    stranger = Account(sandbox, "999999999999").client("s3")
    with pytest.raises(ClientError) as forbidden:
        stranger.head_bucket(Bucket=bucket)
    assert code(forbidden) == ("403", 403)
    with pytest.raises(ClientError) as taken:
        stranger.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert code(taken) == ("BucketAlreadyExists", 409)
    with pytest.raises(ClientError) as denied:
        stranger.put_object(Bucket=bucket, Key="x", Body=b"x")
    assert code(denied) == ("AccessDenied", 403)
    stranger.close()


def test_a_bucket_keeps_how_it_was_secured(account: Account, bucket: str) -> None:
    s3 = account.client("s3")
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    blocked = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == blocked
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy


def test_an_object_is_written_once_when_asked_to_be(account: Account, bucket: str) -> None:
    s3 = account.client("s3")
    s3.put_object(Bucket=bucket, Key="sets/0123/root.yaml", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="sets/0123/root.yaml", Body=b"two", IfNoneMatch="*")
    assert code(refused) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="sets/0123/root.yaml")["Body"].read() == b"one"
