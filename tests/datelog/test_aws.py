"""Signature, credentials and region, compared with botocore's; errors."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher
from hypothesis import given
from hypothesis import strategies as st

from datelog.aws.credentials import Credentials, find_credentials, find_region
from datelog.aws.http import AwsUnreachable
from datelog.aws.secrets_manager import read_secret
from datelog.aws.signature import signed_headers
from tests.datelog.fake_secrets_manager import fake_aws

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}


@given(
    body=st.binary(max_size=200),
    secret_key=words,
    token=st.one_of(st.just(""), words),
    region=st.sampled_from(["ap-northeast-1", "us-gov-west-1"]),
    now=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_signature_equals_botocores(
    body: bytes, secret_key: str, token: str, region: str, now: datetime
) -> None:
    url = urlsplit(f"https://secretsmanager.{region}.amazonaws.com/")
    ours = signed_headers(
        url,
        body,
        HEADERS,
        credentials=Credentials(access_key="AKID", secret_key=secret_key, session_token=token),
        region=region,
        service="secretsmanager",
        now=now,
    )
    request = AWSRequest("POST", url.geturl(), data=body, headers={**HEADERS, "Host": url.netloc})
    request.context["timestamp"] = f"{now:%Y%m%dT%H%M%SZ}"
    sdk = botocore.auth.SigV4Auth(SdkCredentials("AKID", secret_key, token or None), "secretsmanager", region)
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    theirs = sdk.signature(sdk.string_to_sign(request, sdk.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={theirs}")
    assert sdk.signed_headers(sdk.headers_to_sign(request)) in ours["Authorization"]


def test_keys_of_the_environment_take_precedence() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token"}
    assert find_credentials(keys) == Credentials(access_key="AKID", secret_key="key", session_token="token")


def test_the_metadata_service_is_called_with_a_token() -> None:
    with fake_aws() as aws:
        where = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url}
        found = find_credentials(where)
        assert found == Credentials(
            access_key="ASIAROLE", secret_key="role-secret", session_token="role-token"
        )
        assert find_region(where) == "eu-central-1"
        aws.set_secret("app", "from the role")
        secret = read_secret("trial", where | {"AWS_ENDPOINT_URL": aws.url})
        assert "from the role" in secret
        (sent,) = [headers for path, headers, _ in aws.requests if path == "/"]
        assert sent["X-Amz-Security-Token"] == "role-token"
        assert "/eu-central-1/secretsmanager/" in sent["Authorization"]


def test_the_sdk_finds_the_same_keys_and_region_at_the_metadata_service() -> None:
    with fake_aws() as aws:
        where = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url}
        theirs = InstanceMetadataFetcher(base_url=aws.url, env={}).retrieve_iam_role_credentials()
        their_region = InstanceMetadataRegionFetcher(base_url=aws.url, env={}).retrieve_region()
        ours = find_credentials(where)

        assert ours == Credentials(
            access_key=theirs["access_key"],
            secret_key=theirs["secret_key"],
            session_token=theirs["token"],
        )
        assert find_region(where) == their_region


def test_missing_credentials_are_reported() -> None:
    with pytest.raises(AwsUnreachable, match="did not answer"):
        find_credentials({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"})


def test_a_permanent_error_is_reported_with_its_code() -> None:
    with fake_aws() as aws:
        aws.failures = [(400, "com.amazonaws#ResourceNotFoundException")] * 3
        with pytest.raises(AwsUnreachable, match=r"'trial': 400 ResourceNotFoundException\."):
            read_secret("trial", aws.environment())
        assert aws.reads() == 1  # a retry would not help
