"""Signature V4: a call signed with a key that the sandbox issued passes; others are rejected as on AWS."""

from __future__ import annotations

import datetime
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.sandboxes import Sandbox

CALLS = {
    "sts": "get_caller_identity",
    "cloudformation": "list_stacks",
    "elbv2": "describe_load_balancers",
    "rds": "describe_db_clusters",
    "ec2": "describe_vpcs",
    "ssm": "describe_parameters",
    "secretsmanager": "list_secrets",
    "lambda": "list_functions",
    "s3": "list_buckets",
}
# Service: codes of an unknown key, a wrong secret, a request without signature. CommonErrors of each service;
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (AuthFailure)
QUERY = ("InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken")
JSON = ("UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException")
CODES = {
    "sts": QUERY,
    "cloudformation": QUERY,
    "elbv2": QUERY,
    "rds": QUERY,
    "ec2": ("AuthFailure", "AuthFailure", "MissingAuthenticationToken"),
    "ssm": JSON,
    "secretsmanager": (*JSON[:2], "UnrecognizedClientException"),
    "lambda": JSON,
    "s3": ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"),
}


def client(sandbox: Sandbox, service: str, key: str, secret: str, token: str = "", **config: Any) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # any service
        service,
        endpoint_url=sandbox.url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def refusal(made: Any, call: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(made, call)()
    made.close()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("service", CALLS)
def test_every_service_words_its_refusals_as_aws_does(account: Account, service: str) -> None:
    sandbox, call = account.sandbox, CALLS[service]
    key, secret = sandbox.key(account.id)
    getattr(client(sandbox, service, key, secret), call)()

    unknown = refusal(client(sandbox, service, "AKIAIOSFODNN7EXAMPLE", secret), call)
    wrong = refusal(client(sandbox, service, key, secret[:-1] + "*"), call)
    missing = refusal(client(sandbox, service, key, secret, signature_version=UNSIGNED), call)

    assert (unknown[0], wrong[0], missing[0]) == CODES[service]
    assert all(message for _code, message in (unknown, wrong, missing))


@pytest.mark.parametrize("key", ["000000000000", "test", "123456789012"])
def test_a_key_that_ministack_takes_for_an_account_is_unknown_here(sandbox: Sandbox, key: str) -> None:
    assert refusal(client(sandbox, "sts", key, "test"), CALLS["sts"])[0] == "InvalidClientTokenId"


def test_a_key_of_one_account_does_not_sign_for_another(account: Account) -> None:
    key, _secret = account.sandbox.key(account.id)
    _key, secret = account.sandbox.key("999988887777")
    assert refusal(client(account.sandbox, "sts", key, secret), CALLS["sts"])[0] == "SignatureDoesNotMatch"


def test_a_permanent_key_comes_without_a_session_token(account: Account) -> None:
    made = client(account.sandbox, "sts", *account.sandbox.key(account.id), "a-token")
    assert refusal(made, CALLS["sts"])[0] == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("service", "minutes", "code"),
    [
        ("ssm", -6, "InvalidSignatureException"),
        ("ssm", 6, "InvalidSignatureException"),
        ("ssm", -4, ""),
        ("ssm", 4, ""),
        ("cloudformation", -6, "SignatureDoesNotMatch"),
        ("s3", -6, ""),
        ("s3", -16, "RequestTimeTooSkewed"),
        ("s3", 16, "RequestTimeTooSkewed"),
    ],
)
def test_clocks_may_differ_by_minutes(
    account: Account, monkeypatch: pytest.MonkeyPatch, service: str, minutes: int, code: str
) -> None:
    made = client(account.sandbox, service, *account.sandbox.key(account.id))
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    if not code:
        getattr(made, CALLS[service])()
        made.close()
        return
    found, message = refusal(made, CALLS[service])
    assert found == code
    assert service == "s3" or ("Signature expired" if minutes < 0 else "Signature not yet current") in message


# --- requests that no SDK sends --------------------------------------------------------------------------
def signed(account: Account, **headers: str) -> AWSRequest:
    """Return a signed call of ssm:DescribeParameters."""
    sent = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonSSM.DescribeParameters",
        **headers,
    }
    request = AWSRequest("POST", f"{account.sandbox.url}/", data=b"{}", headers=sent)
    SigV4Auth(Credentials(*account.sandbox.key(account.id)), "ssm", REGION).add_auth(request)
    return request


def send(request: AWSRequest, body: bytes = b"{}") -> tuple[int, dict[str, Any]]:
    url = urlsplit(str(request.url))
    connection = http.client.HTTPConnection(url.netloc)
    target = f"{url.path}?{url.query}" if url.query else url.path
    connection.request(str(request.method), target, body=body, headers=dict(request.headers))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def test_a_body_that_was_changed_on_the_way_is_refused(account: Account) -> None:
    request = signed(account)
    assert send(request)[0] == 200
    status, error = send(request, b'{"MaxResults": 10}')
    assert (status, error["__type"]) == (400, "InvalidSignatureException")


def test_a_hash_that_is_not_the_bodys_is_refused(account: Account) -> None:
    """The signature itself is valid and covers the header, whose hash does not match the body."""
    for payload in ("UNSIGNED-PAYLOAD", "0" * 64):
        status, error = send(signed(account, **{"X-Amz-Content-SHA256": payload}))
        assert (status, error["__type"]) == (400, "InvalidSignatureException")


def test_a_header_that_chooses_the_action_must_be_signed(account: Account) -> None:
    request = signed(account)
    for name, value in (("X-Amz-Target", "AmazonSSM.GetParameters"), ("X-Amz-Extra", "1")):
        changed = AWSRequest(request.method, request.url, headers=dict(request.headers))
        del changed.headers[name]
        changed.headers[name] = value
        status, error = send(changed)
        assert (status, error["__type"]) == (400, "InvalidSignatureException")


def test_a_signature_that_leaves_the_host_open_is_refused(account: Account) -> None:
    class WithoutHost(SigV4Auth):
        def headers_to_sign(self, request: AWSRequest) -> Any:
            kept = super().headers_to_sign(request)
            del kept["host"]
            return kept

    request = AWSRequest(
        "POST", f"{account.sandbox.url}/", data=b"{}", headers={"X-Amz-Target": "AmazonSSM.X"}
    )
    WithoutHost(Credentials(*account.sandbox.key(account.id)), "ssm", REGION).add_auth(request)
    status, error = send(request)
    assert (status, error["__type"]) == (400, "InvalidSignatureException")
    assert "'Host' or ':authority' must be a 'SignedHeader'" in error["message"]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 Credential=x", "MissingAuthenticationTokenException|IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 nonsense", "IncompleteSignatureException|MissingAuthenticationTokenException"),
        ("AWS AKIA:c2lnbmF0dXJl", "IncompleteSignatureException"),
        (
            "AWS4-ECDSA-P256-SHA256 Credential=x, SignedHeaders=host, Signature=y",
            "IncompleteSignatureException",
        ),
        ("Bearer of-nothing", "IncompleteSignatureException"),
        ("Basic dGVzdDp0ZXN0", "IncompleteSignatureException"),
    ],
)
def test_another_authorization_is_none(account: Account, authorization: str, code: str) -> None:
    request = signed(account)
    del request.headers["Authorization"]
    request.headers["Authorization"] = authorization
    status, error = send(request)
    assert status in (400, 403)
    assert error["__type"] in code.split("|")


def test_a_moment_that_is_none_is_refused(account: Account) -> None:
    request = signed(account)
    day = request.headers["X-Amz-Date"][:8]
    del request.headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = day
    assert send(request)[0] == 400


def test_a_refused_call_is_not_in_the_call_log(account: Account) -> None:
    request = signed(account)
    send(request, b'{"MaxResults": 10}')
    reported: Any = account.sandbox.control("GET", "calls", account=account.id)
    assert reported["calls"] == []


# --- keys of sessions and users -----------------------------------------------------------------------------
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def assumed(account: Account, name: str = "worker") -> dict[str, str]:
    iam = account.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMINISTRATOR)
    answer = account.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account.id}:role/{name}", RoleSessionName="mine"
    )
    return dict(answer["Credentials"])


def test_an_assumed_roles_keys_work_with_their_token(account: Account) -> None:
    keys = assumed(account)
    key, secret, token = keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    for service, call in CALLS.items():
        getattr(client(account.sandbox, service, key, secret, token), call)()
    arn = client(account.sandbox, "sts", key, secret, token).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{account.id}:assumed-role/worker/mine"
    reported: Any = account.sandbox.control("GET", "calls", account=account.id)
    assert {call["caller"] for call in reported["calls"][3:]} == {arn}
    for other in ("", token[:-1] + "*"):
        refused = refusal(client(account.sandbox, "sts", key, secret, other), CALLS["sts"])
        assert refused[0] == "InvalidClientTokenId"
    wrong = refusal(client(account.sandbox, "sts", key, secret + "x", token), CALLS["sts"])
    assert wrong[0] == "SignatureDoesNotMatch"


def test_a_users_keys_act_in_the_users_account_until_they_are_switched_off(account: Account) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="ana")
    iam.attach_user_policy(UserName="ana", PolicyArn=ADMINISTRATOR)
    made = iam.create_access_key(UserName="ana")["AccessKey"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    account.client("ssm").put_parameter(Name="of-the-account", Value="x", Type="String")
    found = client(account.sandbox, "ssm", *keys).describe_parameters()["Parameters"]
    assert [one["Name"] for one in found] == ["of-the-account"]
    iam.update_access_key(UserName="ana", AccessKeyId=keys[0], Status="Inactive")
    assert refusal(client(account.sandbox, "ssm", *keys), CALLS["ssm"])[0] == "UnrecognizedClientException"
