"""Calls are collected with their raw answers inside a block, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from deployments.aws import call_capture, session
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure
from tests.aws.site_server import Running

DENIED = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"


@pytest.fixture
def clients(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Gateways for an address that denies every call."""
    server.routes["/"] = lambda request: request.reply(DENIED, 403, **{"x-amzn-RequestId": "r-1"})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    session._connect.cache_clear()
    yield session.connect(AccountRef(region="ap-northeast-1", endpoint_url=f"http://{server.name}"))
    session._connect.cache_clear()


def test_a_call_has_its_parameters_answer_and_duration(clients: Clients) -> None:
    with call_capture.collecting() as collected, pytest.raises(AwsFailure):
        clients.cloudformation.describe_stack("sanso-shop")

    (call,) = collected.calls
    assert (call.service, call.operation) == ("cloudformation", "DescribeStacks")
    assert call.parameters["StackName"] == "sanso-shop"
    assert (call.status, call.error, call.body) == (403, "AccessDenied", DENIED.encode())
    assert call.headers["x-amzn-RequestId"] == "r-1"
    assert call.seconds >= 0


def test_nothing_is_collected_outside_of_a_block(clients: Clients) -> None:
    with call_capture.collecting() as collected:
        pass
    with pytest.raises(AwsFailure):
        clients.cloudformation.describe_stack("sanso-shop")

    assert collected.calls == []


def test_a_call_without_an_answer_is_collected(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_args: Any, **_named: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="http://127.0.0.1")

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    with call_capture.collecting() as collected, pytest.raises(AwsFailure):
        clients.cloudformation.describe_stack("sanso-shop")

    (call,) = collected.calls
    assert (call.status, call.error, call.body) == (0, "ConnectTimeoutError", None)


def test_a_step_that_makes_too_many_calls_collects_the_first() -> None:
    collected = call_capture.CollectedCalls()
    call: Any = object()

    for _ in range(call_capture.MAX_CALLS + 3):
        collected.add(call)

    assert (len(collected.calls), collected.left_out) == (call_capture.MAX_CALLS, 3)
