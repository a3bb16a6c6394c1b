"""CloudFormation gets exactly one response to every request, without secrets."""

from __future__ import annotations

import logging
import threading
import time
import urllib.error

import custom_resource
import pytest
from botocore.exceptions import ClientError
from custom_resource import Rejected, Request, respond

from tests.infra.conftest import STACK_ID, Invocation, Responses
from tests.services import LIMIT


def test_a_successful_request_returns_its_physical_id(responses: Responses) -> None:
    respond(responses.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert responses.only == {
        "Status": "SUCCESS",
        "Reason": "",
        "StackId": STACK_ID,
        "RequestId": "0e5c1f0a-8d3f-4f8e-9c9b-6f1d2e3c4b5a",
        "LogicalResourceId": "Thing",
        "PhysicalResourceId": "thing-1",
    }


def test_the_response_has_an_empty_content_type_as_its_url_is_signed(
    responses: Responses,
) -> None:
    respond(responses.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert responses.content_types == [""]


def test_a_rejected_request_fails_with_its_message_and_the_log_stream(responses: Responses) -> None:
    def work(request: Request) -> str:
        raise Rejected("The database does not answer.")

    respond(responses.event("Create", {}), Invocation(), work)

    assert responses.only["Status"] == "FAILED"
    assert responses.only["Reason"] == (
        "The database does not answer. See the log stream 2026/11/24/[$LATEST]0123abcd."
    )
    assert responses.only["PhysicalResourceId"] == "Thing"


def test_a_failed_update_keeps_the_physical_id_so_that_nothing_is_deleted(responses: Responses) -> None:
    def work(request: Request) -> str:
        raise Rejected("No.")

    respond(responses.event("Update", {}, "thing-1"), Invocation(), work)

    assert responses.only["PhysicalResourceId"] == "thing-1"


def test_an_unexpected_error_is_reported_without_its_message(
    responses: Responses, caplog: pytest.LogCaptureFixture
) -> None:
    quoted = "".join(("hunter", "2"))  # not literal in this line, which the traceback contains

    def work(request: Request) -> str:
        raise RuntimeError(quoted)

    with caplog.at_level(logging.DEBUG):
        respond(responses.event("Create", {}), Invocation(), work)

    assert responses.only["Status"] == "FAILED"
    assert "RuntimeError" in responses.only["Reason"]
    assert "hunter2" not in responses.only["Reason"] + caplog.text
    assert "in work" in caplog.text  # the traceback is logged


WHO = "User: arn:aws:sts::123456789012:assumed-role/app/app is not authorized to perform: ec2:DescribeVpcs"


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("AccessDenied", WHO, f"DescribeVpcs failed (AccessDenied): {WHO}."),
        ("AccessDenied", f"{WHO}. Encoded authorization failure message: 4Ky", f"(AccessDenied): {WHO}."),
        ("InvalidParameterValue", "Value (hunter2) is invalid", "failed (InvalidParameterValue)."),
    ],
    ids=["denied", "denied with a code", "rejected"],
)
def test_a_call_that_aws_denies_is_named_and_values_of_others_are_not_quoted(
    responses: Responses, code: str, message: str, reason: str
) -> None:
    def work(request: Request) -> str:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "DescribeVpcs")

    respond(responses.event("Create", {}), Invocation(), work)

    assert responses.only["Reason"].endswith(f"{reason} See the log stream {Invocation().log_stream_name}.")
    assert "hunter2" not in responses.only["Reason"]


def test_a_long_reason_is_truncated_to_cloudformations_limit(responses: Responses) -> None:
    def work(request: Request) -> str:
        raise Rejected("x" * 9000)

    respond(responses.event("Create", {}), Invocation(), work)

    assert len(str(responses.only)) < 4096


def test_a_request_that_hangs_is_answered_before_lambda_times_out(responses: Responses) -> None:
    forever = threading.Event()

    def work(request: Request) -> str:
        assert forever.wait(LIMIT), "the watchdog did not answer"
        return "thing-1"

    def answered() -> None:
        while not responses.bodies:
            forever.wait(0.01)
        forever.set()

    watcher = threading.Thread(target=answered)
    watcher.start()
    respond(responses.event("Create", {}), Invocation(custom_resource.RESPONSE_SECONDS + 0.1), work)
    watcher.join()

    assert responses.only["Status"] == "FAILED"
    assert "timed out" in responses.only["Reason"]


def test_an_undelivered_response_is_sent_again(responses: Responses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    responses.rejections = 2

    respond(responses.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert responses.only["Status"] == "SUCCESS"


def test_an_undeliverable_response_fails_the_function_so_that_lambda_retries(
    responses: Responses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    responses.rejections = 99

    with pytest.raises(urllib.error.HTTPError), caplog.at_level(logging.DEBUG):
        respond(responses.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert "signature" not in caplog.text  # a signature authorizes a response


def test_a_missing_property_is_named(responses: Responses) -> None:
    respond(responses.event("Create", {}), Invocation(), lambda request: request.required("Host"))

    assert "The property Host is missing." in responses.only["Reason"]
