"""Whatever happens to the work, CloudFormation gets one answer, and no secret in it."""

from __future__ import annotations

import logging
import threading
import time
import urllib.error

import custom_resource
import pytest
from custom_resource import Refused, Request, respond

from tests.infra.conftest import STACK_ID, Answers, Invocation
from tests.services import LIMIT


def test_work_that_succeeds_is_answered_with_its_physical_id(answers: Answers) -> None:
    respond(answers.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert answers.only == {
        "Status": "SUCCESS",
        "Reason": "",
        "StackId": STACK_ID,
        "RequestId": "0e5c1f0a-8d3f-4f8e-9c9b-6f1d2e3c4b5a",
        "LogicalResourceId": "Thing",
        "PhysicalResourceId": "thing-1",
    }


def test_the_answer_has_an_empty_content_type_because_its_address_is_signed_for_that(
    answers: Answers,
) -> None:
    respond(answers.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert answers.content_types == [""]


def test_work_that_is_refused_fails_with_its_sentence_and_where_to_read_on(answers: Answers) -> None:
    def work(request: Request) -> str:
        raise Refused("The database does not answer.")

    respond(answers.event("Create", {}), Invocation(), work)

    assert answers.only["Status"] == "FAILED"
    assert answers.only["Reason"] == (
        "The database does not answer. See the log stream 2026/11/24/[$LATEST]0123abcd."
    )
    assert answers.only["PhysicalResourceId"] == "Thing"


def test_a_failed_update_keeps_the_physical_id_so_that_nothing_is_deleted(answers: Answers) -> None:
    def work(request: Request) -> str:
        raise Refused("No.")

    respond(answers.event("Update", {}, "thing-1"), Invocation(), work)

    assert answers.only["PhysicalResourceId"] == "thing-1"


def test_an_unexpected_error_is_answered_without_its_text(
    answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    quoted = "".join(("hunter", "2"))  # not to be found in this line, which the log shows

    def work(request: Request) -> str:
        raise RuntimeError(quoted)

    with caplog.at_level(logging.DEBUG):
        respond(answers.event("Create", {}), Invocation(), work)

    assert answers.only["Status"] == "FAILED"
    assert "RuntimeError" in answers.only["Reason"]
    assert "hunter2" not in answers.only["Reason"] + caplog.text
    assert "in work" in caplog.text  # the place is told all the same


def test_a_long_reason_is_cut_to_what_cloudformation_takes(answers: Answers) -> None:
    def work(request: Request) -> str:
        raise Refused("x" * 9000)

    respond(answers.event("Create", {}), Invocation(), work)

    assert len(str(answers.only)) < 4096


def test_work_without_an_end_is_answered_before_lambda_stops_the_function(answers: Answers) -> None:
    forever = threading.Event()

    def work(request: Request) -> str:
        assert forever.wait(LIMIT), "the watchdog did not answer"
        return "thing-1"

    def answered() -> None:
        while not answers.bodies:
            forever.wait(0.01)
        forever.set()

    watcher = threading.Thread(target=answered)
    watcher.start()
    respond(answers.event("Create", {}), Invocation(custom_resource.ANSWER_SECONDS + 0.1), work)
    watcher.join()

    assert answers.only["Status"] == "FAILED"
    assert "ran out of time" in answers.only["Reason"]


def test_an_answer_that_is_not_taken_is_sent_again(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answers.refusals = 2

    respond(answers.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert answers.only["Status"] == "SUCCESS"


def test_an_answer_that_is_never_taken_ends_the_function_so_that_lambda_calls_it_again(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answers.refusals = 99

    with pytest.raises(urllib.error.HTTPError), caplog.at_level(logging.DEBUG):
        respond(answers.event("Create", {}), Invocation(), lambda _: "thing-1")

    assert "signature" not in caplog.text  # whoever has the address can answer


def test_a_missing_property_is_named(answers: Answers) -> None:
    respond(answers.event("Create", {}), Invocation(), lambda request: request.required("Host"))

    assert "The property Host is missing." in answers.only["Reason"]
