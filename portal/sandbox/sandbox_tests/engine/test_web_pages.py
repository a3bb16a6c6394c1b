"""Requests from web pages are rejected, and so are MiniStack's own addresses that need no signature."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.processes import wait_until
from sandbox_tests.sandboxes import Sandbox, bearer
from sanso_sandbox.engine.access_keys import CLOUDFORMATION, Keyring

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://x.s3.amazonaws.com"},
    {"Origin": "http://127.0.0.1:8000"},
    {"Origin": "http://localhost:{port}"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Host": "evil.example"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
    {"Host": "x.s3.amazonaws.com"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "[nonsense"},
    {"Host": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "anything"},
]
OWN = [
    {},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Host": "localhost:{port}"},
    {"Host": "bucket.localhost:{port}"},
    {"Host": "[::1]:{port}"},
]


def send(
    sandbox: Sandbox, path: str, headers: dict[str, str], method: str = "GET"
) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_a_page_from_elsewhere_is_refused_whatever_it_knows(
    account: Account, foreign: dict[str, str]
) -> None:
    """A valid signature, or the token, makes no difference."""
    sandbox = account.sandbox
    headers = {name: value.format(port=sandbox.port) for name, value in foreign.items()}
    assert send(sandbox, "/_sanso/about", bearer(sandbox.token_file) | headers)[0] == 403
    url = f"{sandbox.url}/?Action=ListStacks"
    request = AWSRequest("GET", url, headers={"Host": headers.get("Host", urlsplit(url).netloc)})
    SigV4Auth(Credentials(*sandbox.key(account.id)), "cloudformation", REGION).add_auth(request)
    status, answered = send(sandbox, "/?Action=ListStacks", dict(request.headers) | headers)
    assert status == 403
    assert answered["content-type"] == "text/plain"


@pytest.mark.parametrize("own", OWN, ids=str)
def test_scripts_and_the_sandbox_itself_are_not(sandbox: Sandbox, own: dict[str, str]) -> None:
    headers = {name: value.format(port=sandbox.port) for name, value in own.items()}
    assert send(sandbox, "/_sanso/about", bearer(sandbox.token_file) | headers)[0] == 200


def signed(account: Account, method: str, path: str, service: str) -> dict[str, str]:
    request = AWSRequest(method, f"{account.sandbox.url}{path}")
    SigV4Auth(Credentials(*account.sandbox.key(account.id)), service, REGION).add_auth(request)
    return dict(request.headers)


def test_no_answer_may_be_read_across_origins(account: Account) -> None:
    account.publish(a="x")
    for method, path, service in (
        ("GET", "/?Action=ListStacks", "cloudformation"),
        ("GET", "/", "s3"),
        ("GET", f"/{account.bucket}/sets/0123abcd/a.yaml", "s3"),
        ("OPTIONS", "/", "s3"),
    ):
        status, headers = send(account.sandbox, path, signed(account, method, path, service), method)
        assert status == 200
        assert not [name for name in headers if name.startswith("access-control-")]


def test_a_preflight_is_refused(sandbox: Sandbox) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    status, answered = send(sandbox, "/", headers, "OPTIONS")
    assert status == 403
    assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/_ministack/ready"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/ses/messages"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/sns/sms-messages"),
        ("GET", "/_ministack/lambda-code/any"),
        ("GET", "/_ministack/lambda-layers/any/1/content"),
        ("GET", "/_ministack/rds/ca.pem"),
        ("GET", "/_ministack/rds/iam-auth"),
        ("POST", "/_ministack/eks-auth/any"),
        ("PUT", "/_ministack/cfn-response/any"),
        ("PUT", "/_ministack/cfn-signal/any"),
        ("GET", "/_alb/any"),
        ("GET", "/_aws/lambda-url/any"),
        ("GET", "/_aws/execute-api/any/any"),
    ],
)
def test_addresses_of_ministacks_own_are_closed_to_everybody(
    account: Account, method: str, path: str
) -> None:
    account.publish(a="x")
    assert send(account.sandbox, path, {}, method)[0] == 403
    assert send(account.sandbox, path, signed(account, method, path, "s3"), method)[0] == 403
    assert account.client("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/oauth2/authorize?client_id=x"),
        ("POST", "/oauth2/token"),
        ("GET", "/pool/.well-known/jwks.json"),
        ("GET", "/v2/"),
        ("GET", "/restapis/x/y/_user_request_/z"),
        ("GET", "/iceberg/v1/config"),
        ("GET", "/?Action=ListStacks"),
        ("GET", "/a-bucket/a-key"),
    ],
)
def test_requests_that_ministack_answers_without_a_signature_need_one(
    sandbox: Sandbox, method: str, path: str
) -> None:
    assert send(sandbox, path, {}, method)[0] in (400, 403)


def test_a_websocket_is_not_opened(sandbox: Sandbox) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **bearer(sandbox.token_file),
    }
    assert send(sandbox, "/_aws/execute-api/any/any", headers)[0] == 403


def test_who_guesses_where_a_stack_waits_for_an_answer_still_needs_cloudformations_signature(
    account: Account,
) -> None:
    """The address alone is not enough, and a signature with the account's own key is not accepted either."""
    handle = """
        Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle}}
        Outputs: {Url: {Value: !Ref Handle}}
    """
    url = urlsplit(account.outputs(account.create("waits", handle))["Url"])
    assert send(account.sandbox, url.path, {}, "PUT")[0] == 403
    assert send(account.sandbox, url.path, signed(account, "PUT", url.path, "s3"), "PUT")[0] == 403
    assert send(account.sandbox, f"{url.path}?{url.query}", {}, "POST")[0] == 403
    # The signature is valid: MiniStack finds no signal in the empty body.
    assert send(account.sandbox, f"{url.path}?{url.query}", {}, "PUT")[0] == 400
    key = Keyring(account.sandbox.token_file.read_text()).issue(account.id, CLOUDFORMATION)
    assert f"Credential={key.id}%2F" in url.query


def test_a_wait_condition_hears_the_signal(account: Account) -> None:
    waiting: Any = """
        Resources:
          Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
          Condition:
            Type: AWS::CloudFormation::WaitCondition
            Properties: {Handle: !Ref Handle, Timeout: "600"}
    """
    stack = account.start("waits", waiting)

    def signaled() -> bool:
        listed = account.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        urls = [one["PhysicalResourceId"] for one in listed if one["LogicalResourceId"] == "Handle"]
        if not urls or not urls[0].startswith("http"):
            return False
        url = urlsplit(urls[0])
        connection = http.client.HTTPConnection(url.netloc)
        body = b'{"Status": "SUCCESS", "UniqueId": "1", "Data": "x", "Reason": "done"}'
        connection.request("PUT", f"{url.path}?{url.query}", body=body)
        status = connection.getresponse().status
        connection.close()
        return status == 200

    wait_until(signaled, what="a signal that is accepted")
    assert account.settled(stack) == "CREATE_COMPLETE"
