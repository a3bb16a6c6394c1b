"""The artifact bucket: owned by the account, missing, or owned by another account."""

from __future__ import annotations

import io
from collections.abc import Iterator

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from deployments.aws.s3 import S3Gateway, Tail
from deployments.common.errors import AwsNotFound, UserFixable
from deployments.common.texts import error_text
from tests.builders import START


@pytest.fixture
def stubbed() -> Iterator[tuple[S3Gateway, Stubber]]:
    client = boto3.client(
        "s3", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield S3Gateway(client, "ap-northeast-1"), stubber
        stubber.assert_no_pending_responses()


def test_a_missing_bucket_does_not_exist(stubbed: tuple[S3Gateway, Stubber]) -> None:
    gateway, stubber = stubbed
    stubber.add_client_error("head_bucket", "404", http_status_code=404)
    assert gateway.bucket_exists("b", "123456789012") is False


def test_the_error_for_a_bucket_of_another_account_says_what_to_do(
    stubbed: tuple[S3Gateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    stubber.add_client_error("head_bucket", "403", http_status_code=403)
    with pytest.raises(UserFixable) as caught:
        gateway.bucket_exists("b", "123456789012")
    assert "set another one in the account's settings" in error_text(caught.value)
    stubber.add_client_error("create_bucket", "BucketAlreadyExists", http_status_code=409)
    with pytest.raises(UserFixable) as caught:
        gateway.create_bucket("b")
    assert "belongs to another account" in error_text(caught.value)


def test_creating_a_bucket_twice_causes_no_error(stubbed: tuple[S3Gateway, Stubber]) -> None:
    gateway, stubber = stubbed
    stubber.add_client_error("create_bucket", "BucketAlreadyOwnedByYou", http_status_code=409)
    gateway.create_bucket("b")


def test_the_error_for_a_bucket_in_another_region_names_the_region(
    stubbed: tuple[S3Gateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    stubber.add_client_error("head_bucket", "301", http_status_code=301)
    with pytest.raises(UserFixable) as caught:
        gateway.bucket_exists("b", "123456789012")
    assert "is not in ap-northeast-1" in error_text(caught.value)


def test_objects_are_only_written_to_a_bucket_of_the_expected_owner(
    stubbed: tuple[S3Gateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    stubber.add_response(
        "put_object",
        {},
        {"Bucket": "b", "Key": "k", "Body": b"x", "ExpectedBucketOwner": "123456789012"},
    )
    gateway.put_object("b", "k", b"x", "123456789012")


def test_the_tail_of_an_object_comes_with_its_whole_size(stubbed: tuple[S3Gateway, Stubber]) -> None:
    gateway, stubber = stubbed
    expected = {"Bucket": "b", "Key": "k", "Range": "bytes=-5"}
    body = StreamingBody(io.BytesIO(b"world"), 5)
    stubber.add_response("get_object", {"Body": body, "ContentRange": "bytes 6-10/11"}, expected)
    assert gateway.read_tail("b", "k", 5) == Tail(body=b"world", size=11)

    stubber.add_client_error("get_object", "InvalidRange", http_status_code=416, expected_params=expected)
    assert gateway.read_tail("b", "k", 5) == Tail(body=b"", size=0)  # an empty object

    stubber.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    with pytest.raises(AwsNotFound):
        gateway.read_tail("b", "k", 5)


def test_objects_are_listed_over_all_pages_up_to_the_limit(stubbed: tuple[S3Gateway, Stubber]) -> None:
    gateway, stubber = stubbed
    expected = {"Bucket": "b", "Prefix": "logs/", "MaxKeys": 3, "StartAfter": "logs/1"}
    rows = [{"Key": f"logs/{number}", "Size": number, "LastModified": START} for number in (2, 3, 4, 5)]
    stubber.add_response(
        "list_objects_v2",
        {"Contents": rows[:2], "IsTruncated": True, "NextContinuationToken": "more"},
        expected,
    )
    stubber.add_response(
        "list_objects_v2",
        {"Contents": rows[2:], "IsTruncated": False},
        expected | {"ContinuationToken": "more"},
    )

    found = gateway.list_objects("b", "logs/", "logs/1", 3)

    assert [(stored.key, stored.size) for stored in found] == [("logs/2", 2), ("logs/3", 3), ("logs/4", 4)]
