"""Signatures specific to S3: bodies that are not hashed as a whole, and presigned URLs."""

from __future__ import annotations

import datetime
import http.client
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.engine.test_signatures import assumed

KEYS = ["plain.txt", "a folder/ünïcode +&=?.txt", "dots/../and//slashes"]


def http_call(
    method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.fixture
def s3(account: Account) -> Any:
    account.publish()
    return account.client("s3", signature_version="s3v4")


@pytest.mark.parametrize("signing", [True, False], ids=["hashed", "unsigned payload"])
@pytest.mark.parametrize("key", KEYS)
def test_objects_of_any_name_come_and_go(account: Account, s3: Any, key: str, signing: bool) -> None:
    other = account.client("s3", s3={"payload_signing_enabled": signing})
    other.put_object(Bucket=account.bucket, Key=key, Body=b"\x00\xff" * 1000)
    assert other.get_object(Bucket=account.bucket, Key=key)["Body"].read() == b"\x00\xff" * 1000
    other.close()


def test_large_uploads_come_in_parts(account: Account, s3: Any, tmp_path: Any) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * 1024 * 600)
    s3.upload_file(str(large), account.bucket, "large")
    assert s3.head_object(Bucket=account.bucket, Key="large")["ContentLength"] == large.stat().st_size


def test_a_body_with_a_trailing_checksum_passes(account: Account, s3: Any) -> None:
    """SDKs send streams over TLS this way: STREAMING-UNSIGNED-PAYLOAD-TRAILER, framed by aws-chunked."""
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    assert put(account, body, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")[0] == 200
    assert s3.get_object(Bucket=account.bucket, Key="streamed")["Body"].read() == b"hello"


def put(account: Account, body: bytes, headers: dict[str, str], payload: str) -> tuple[int, bytes]:
    """Put an object with a signature over this payload hash; return the status and body of the response."""

    class Signer(S3SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return payload

    url = f"{account.sandbox.url}/{account.bucket}/streamed"
    request = AWSRequest("PUT", url, data=body, headers=headers)
    Signer(Credentials(*account.sandbox.key(account.id)), "s3", REGION).add_auth(request)
    return http_call("PUT", url, body, dict(request.headers))


def test_a_hash_that_is_not_the_bodys_is_told_as_s3_tells_it(account: Account, s3: Any) -> None:
    status, answer = put(account, b"hello", {}, "0" * 64)
    assert status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in answer


def test_chunks_whose_signatures_are_wrong_are_refused(account: Account, s3: Any) -> None:
    payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    body = b"5;chunk-signature=%b\r\nhello\r\n0;chunk-signature=%b\r\n\r\n" % (b"0" * 64, b"0" * 64)
    status, answer = put(account, body, {"X-Amz-Decoded-Content-Length": "5"}, payload)
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in answer


# --- presigned --------------------------------------------------------------------------------------------
def presigned(account: Account, method: str, key: str = "a", seconds: int = 60) -> str:
    client = account.client("s3", signature_version="s3v4")
    return str(
        client.generate_presigned_url(
            method, Params={"Bucket": account.bucket, "Key": key}, ExpiresIn=seconds
        )
    )


@pytest.mark.parametrize("key", KEYS[:2])
def test_who_has_a_presigned_url_needs_no_key(account: Account, s3: Any, key: str) -> None:
    assert http_call("PUT", presigned(account, "put_object", key), b"hello")[0] == 200
    assert http_call("GET", presigned(account, "get_object", key)) == (200, b"hello")


def test_a_roles_presigned_url_works_too(account: Account, s3: Any) -> None:
    s3.put_object(Bucket=account.bucket, Key="a", Body=b"hello")
    keys = assumed(account)
    role = boto3.client(
        "s3",
        endpoint_url=account.sandbox.url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(signature_version="s3v4"),
    )
    url = role.generate_presigned_url("get_object", Params={"Bucket": account.bucket, "Key": "a"})
    assert http_call("GET", url) == (200, b"hello")
    role.close()


def test_a_presigned_url_is_good_for_what_it_was_signed_for(account: Account, s3: Any) -> None:
    s3.put_object(Bucket=account.bucket, Key="a", Body=b"hello")
    url = presigned(account, "get_object")
    assert http_call("PUT", url, b"other")[0] == 403
    assert http_call("GET", url.replace("/a?", "/b?"))[0] == 403
    assert http_call("GET", f"{url}&versionId=1")[0] == 403
    assert b"SignatureDoesNotMatch" in http_call("GET", url.replace("Expires=60", "Expires=600"))[1]
    assert http_call("GET", url, headers={"x-amz-acl": "public-read"})[0] == 403
    assert http_call("GET", url) == (200, b"hello")


@pytest.mark.parametrize(
    ("minutes", "seconds", "message"),
    [
        (-2, 60, b"Request has expired"),
        (20, 3600, b"Request is not yet valid"),
        (0, 604_801, b"AuthorizationQueryParametersError"),
    ],
)
def test_a_presigned_url_has_its_time(
    account: Account, s3: Any, monkeypatch: pytest.MonkeyPatch, minutes: int, seconds: int, message: bytes
) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    url = presigned(account, "get_object", seconds=seconds)
    monkeypatch.undo()
    status, answer = http_call("GET", url)
    assert status in (400, 403)
    assert message in answer


def test_signature_version_2_is_refused(account: Account, s3: Any) -> None:
    old = account.client("s3", signature_version="s3")
    with pytest.raises(ClientError, match=r"InvalidRequest.*Please use AWS4-HMAC-SHA256"):
        old.list_buckets()
    url = old.generate_presigned_url("get_object", Params={"Bucket": account.bucket, "Key": "a"})
    assert "AWSAccessKeyId" in url
    assert b"Please use AWS4-HMAC-SHA256" in http_call("GET", url)[1]
    old.close()
