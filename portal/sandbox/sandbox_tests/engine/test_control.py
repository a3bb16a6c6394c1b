"""The control plane: its reports, its changes, and the requests that it rejects."""

from __future__ import annotations

import http.client
import json
import urllib.error
import uuid
from urllib.parse import quote

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.sandboxes import Sandbox

QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
"""


def test_it_tells_what_runs(sandbox: Sandbox) -> None:
    about = sandbox.control("GET", "about")
    assert isinstance(about, dict)
    assert about["engine"] == "MiniStack 1.5.33"
    assert about["pace"] == 0
    assert str(uuid.UUID(about["instance_id"])) == about["instance_id"]
    assert about["started_at"].endswith("+00:00")


def test_the_event_log_has_the_calls_of_an_account(account: Account) -> None:
    account.publish(a="x")
    account.cloudformation.describe_stacks()
    account.client("ssm").describe_parameters()
    account.client("lambda").list_functions()
    answer = account.sandbox.control("GET", "calls", account=account.id)
    assert isinstance(answer, dict)
    reported = [(call["service"], call["action"]) for call in answer["calls"]]
    assert reported == [
        ("s3", "ListBuckets"),
        ("s3", "CreateBucket"),
        ("s3", "PutObject"),
        ("cloudformation", "DescribeStacks"),
        ("ssm", "DescribeParameters"),
        ("lambda", "ListFunctions"),
    ]
    assert {call["account"] for call in answer["calls"]} == {account.id}
    numbers = [call["n"] for call in answer["calls"]]
    assert numbers == sorted(set(numbers))


def test_the_event_log_can_be_read_on_from_a_number(account: Account) -> None:
    account.client("ssm").describe_parameters()
    first = account.sandbox.control("GET", "calls", account=account.id)
    assert isinstance(first, dict)
    account.client("ssm").get_parameters(Names=["/x"])
    query = f"calls?since={first['calls'][-1]['n']}&account={account.id}"
    answer = account.sandbox.control("GET", query)
    assert isinstance(answer, dict)
    assert [call["action"] for call in answer["calls"]] == ["GetParameters"]


def test_a_change_of_pace_is_felt_by_what_waits(account: Account) -> None:
    account.pace(5)
    stack = account.start("waits", QUEUE)
    account.reaches(stack, "CREATE_IN_PROGRESS")
    account.pace(0)
    assert account.settled(stack) == "CREATE_COMPLETE"


def test_a_reset_empties_one_account_only(account: Account, sandbox: Sandbox) -> None:
    other = Account(sandbox, "999988887777")
    for one in (account, other):
        one.publish(a="x")
        one.create("stays", QUEUE)
    account.pace(5)
    account.start("under-way", QUEUE)
    sandbox.control("POST", "reset", account=account.id)
    assert account.cloudformation.list_stacks()["StackSummaries"] == []
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.queue_names() == set()
    assert other.status("stays") == "CREATE_COMPLETE"
    assert len(other.queue_names()) == 1
    sandbox.control("POST", "reset", account=other.id)
    account.pace(0)
    assert account.status(account.create("stays", QUEUE)) == "CREATE_COMPLETE"
    for client in other.clients.values():
        client.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "pace", {"pace": -1}, 400),
        ("POST", "pace", {"pace": "fast"}, 400),
        ("POST", "pace", {"pace": float("nan")}, 400),
        ("POST", "pace", {"pace": float("inf")}, 400),
        ("POST", "pace", {"pace": 1001}, 400),
        ("POST", "pace", {"pace": 10**400}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "count": float("inf")}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "count": "1"}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "count": 0}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "code": "a\r\nb: c"}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "message": "\0"}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle", "status": 99}]}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": ["throttle"]}]}, 400),
        ("POST", "faults", {"api": {"service": "s3", "mode": "throttle"}}, 400),
        ("POST", "faults", {"api": 7}, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "throttle"}] * 1001}, 400),
        ("POST", "faults", {"resources": ["Queue"]}, 400),
        ("POST", "faults", {"resources": {"Queue": 7}}, 400),
        ("POST", "faults", {"resources": {"Queue": "\ud800"}}, 400),
        ("POST", "faults", {"associations": {"app": -1}}, 400),
        ("POST", "faults", {"associations": {"app": {"stdout": 7}}}, 400),
        ("POST", "keys", {"name": ["script"]}, 400),
        ("GET", "calls?since=-1", None, 400),
        ("GET", "calls?since=" + "9" * 30, None, 400),
        ("GET", f"about?account={quote('１２３４５６７８９０１２')}", None, 400),
        ("POST", "faults", {"api": [{"service": "s3", "mode": "explode"}]}, 400),
        ("POST", "faults", {"api": [{"mode": "throttle"}]}, 400),
        ("POST", "faults", {"weather": "bad"}, 400),
        ("GET", "about?account=12", None, 400),
        ("POST", "held/none", {"action": "release"}, 404),
        ("GET", "nothing", None, 404),
        ("PUT", "pace", {"pace": 1}, 404),
    ],
)
def test_invalid_requests_are_refused(
    sandbox: Sandbox, method: str, path: str, body: object, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        sandbox.control(method, path, body)
    assert refused.value.code == status
    assert json.load(refused.value)["error"]
    refused.value.close()


@pytest.mark.parametrize(
    "authorization", ["", "Bearer ", "Bearer wrong", "{token}", "Basic {token}", "Bearer {token}x"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "about"), ("POST", "reset"), ("POST", "keys"), ("GET", "nothing")]
)
def test_without_the_token_it_says_and_does_nothing(
    account: Account, authorization: str, method: str, path: str
) -> None:
    account.publish(a="x")
    connection = http.client.HTTPConnection("127.0.0.1", account.sandbox.port)
    token = account.sandbox.token_file.read_text()
    headers = {"Authorization": authorization.format(token=token)} if authorization else {}
    connection.request(method, f"/_sanso/{path}?account={account.id}", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(answer.read()) == {"error": "the token is missing or wrong"}
    connection.close()
    assert len(account.client("s3").list_buckets()["Buckets"]) == 1
