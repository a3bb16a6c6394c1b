"""Each step's calls are in the deployment's log; the log is bounded, and never stops a step."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone
from pytest_django import Settings

from deployments.aws import call_capture
from deployments.aws.call_capture import RawCall
from deployments.call_logs.models import LoggedCall
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.call_logs.shared import keep
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.steps import step
from tests.builders import make_deployment

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """No process remembers the deployments of another test."""
    keep._logs.clear()
    yield
    keep._logs.clear()


@pytest.fixture
def deployment() -> Deployment:
    return make_deployment()


def made(operation: str = "DescribeStacks", *, body: str = "<R><A>1</A></R>", **values: Any) -> None:
    """Make a call, as botocore's events report it."""
    given: dict[str, Any] = {"at": NOW, "status": 200, "parameters": {}, "service": "cloudformation"} | values
    collected = call_capture._collected.get()
    if collected is not None:
        collected.add(RawCall(operation=operation, body=body.encode(), **given))


def log_of(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the calls of the log as a person reads them."""
    _about, *calls = (json.loads(line) for line in keep.lines_of(deployment))
    return calls


def test_the_calls_of_a_step_are_in_the_log_in_their_order(deployment: Deployment) -> None:
    with keep.kept(deployment):
        made("DescribeStacks")
        made("DescribeStackEvents")

    assert [call["operation"] for call in log_of(deployment)] == ["DescribeStacks", "DescribeStackEvents"]


def test_the_log_of_a_step_that_fails_has_its_calls(deployment: Deployment) -> None:
    def fails() -> None:
        with keep.kept(deployment):
            made()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()

    assert len(log_of(deployment)) == 1


def test_the_first_line_says_whether_the_answers_are_those_of_aws(deployment: Deployment) -> None:
    first = json.loads(next(iter(keep.lines_of(deployment, sanso="1.2.3"))))

    source = "sandbox" if deployment.environment.account.is_sandbox else "aws"
    assert (first["source"], first["sanso"]) == (source, "1.2.3")


def test_noecho_values_and_names_are_not_in_the_log_although_the_step_deletes_the_values(
    deployment: Deployment,
) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(
        sealed_parameters=encrypt_values({"Password": "hunter22-secret"})
    )
    deployment = Deployment.objects.for_page().get(pk=deployment.pk)
    name = deployment.environment.name

    with keep.kept(deployment):
        made(body=f"<R><Reason>hunter22-secret of {name}</Reason></R>", parameters={"StackName": name})
        Deployment.objects.filter(pk=deployment.pk).update(sealed_parameters="")

    text = "\n".join(keep.lines_of(deployment))
    assert "hunter22" not in text
    assert name not in text


def test_the_same_name_has_the_same_placeholder_in_every_step(deployment: Deployment) -> None:
    for _ in range(2):
        with keep.kept(deployment):
            made(f"Op{_}", parameters={"StackName": "boutique"})
        keep._logs.clear()  # the second step is another process's

    first, second = (call["parameters"]["StackName"] for call in log_of(deployment))
    assert first == second != "boutique"


def test_answers_like_the_one_before_are_counted_and_not_kept(deployment: Deployment) -> None:
    for number in range(5):
        with keep.kept(deployment):
            made(body=f"<R><A>1</A><RequestId>{number}0000000</RequestId></R>")
    with keep.kept(deployment):
        made(body="<R><A>2</A></R>")

    first, changed = log_of(deployment)
    assert "answers_like_the_last" not in first
    assert changed["answers_like_the_last"] == 4


def test_the_log_does_not_exceed_its_limit_and_keeps_failures_and_firsts(
    deployment: Deployment, settings: Settings
) -> None:
    settings.SANSO_CALL_LOG_BYTES = 20_000
    with keep.kept(deployment):
        made("CreateChangeSet")
        made("DeleteStack", status=400, error="ValidationError", body="<E><Code>ValidationError</Code></E>")
    for number in range(200):
        with keep.kept(deployment):
            made(body=f"<R>{'<A>x</A>' * 5}<B>{number}</B></R>")
        assert LoggedCall.objects.bytes_of(deployment) <= settings.SANSO_CALL_LOG_BYTES

    kept = log_of(deployment)
    operations = [call["operation"] for call in kept]
    assert operations[:3] == ["CreateChangeSet", "DeleteStack", "DescribeStacks"]
    assert "<B>199</B>" in kept[-1]["body"]
    assert len(kept) < 200


def test_a_log_of_failures_alone_does_not_exceed_its_limit_either(
    deployment: Deployment, settings: Settings
) -> None:
    settings.SANSO_CALL_LOG_BYTES = 5_000
    for number in range(60):
        with keep.kept(deployment):
            made(f"Operation{number}", status=500, error="InternalFailure")

    assert LoggedCall.objects.bytes_of(deployment) <= 5_000
    assert log_of(deployment)[-1]["operation"] == "Operation59"


@pytest.mark.parametrize("name", ["SANSO_CALL_LOG_BYTES", "SANSO_CALL_LOG_DAYS"])
def test_nothing_is_kept_without_a_limit(deployment: Deployment, settings: Settings, name: str) -> None:
    setattr(settings, name, 0)

    with keep.kept(deployment):
        assert call_capture._collected.get() is None

    assert log_of(deployment) == []


def test_old_calls_are_deleted_by_the_cleanup(deployment: Deployment, settings: Settings) -> None:
    settings.SANSO_CALL_LOG_DAYS = 10
    with keep.kept(deployment):
        made("Old", at=timezone.now() - timedelta(days=11))
        made("New", at=timezone.now())

    step.tidy()

    assert [call["operation"] for call in log_of(deployment)] == ["New"]


def test_a_log_that_cannot_be_written_does_not_stop_the_step(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_args: Any, **_named: Any) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(LoggedCall.objects, "bulk_create", fails)
    with caplog.at_level(logging.ERROR), keep.kept(deployment):
        made()

    assert "were not logged" in caplog.text
    assert log_of(deployment) == []


def test_a_call_that_cannot_be_redacted_is_left_out_without_a_word_of_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = CallRedactor.body

    def fails(self: CallRedactor, service: str, body: bytes) -> str:
        if b"hunter22" in body:
            raise ZeroDivisionError(body)
        return whole(self, service, body)

    monkeypatch.setattr(CallRedactor, "body", fails)
    with keep.kept(deployment):
        made("Bad", body="<R>hunter22</R>")
        made("Good")

    assert [call["operation"] for call in log_of(deployment)] == ["Good"]
    assert "Bad could not be redacted" in caplog.text
    assert "hunter22" not in caplog.text


def test_a_step_whose_worker_is_killed_leaves_the_log_as_it_was(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keep.kept(deployment):
        made("Before")

    def killed(*_args: Any, **_named: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(LoggedCall.objects, "shrink", killed)
    with pytest.raises(SystemExit), keep.kept(deployment):
        made("During")
    monkeypatch.undo()
    with keep.kept(deployment):
        made("After")

    assert [call["operation"] for call in log_of(deployment)] == ["Before", "After"]


def test_bodies_beyond_the_time_of_a_step_are_left_out_but_errors_are_not(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "MAX_SECONDS", -1.0)

    with keep.kept(deployment):
        made("Ok", body="<R><A>1</A></R>")
        made("Failed", status=400, error="ValidationError", body="<E><Code>ValidationError</Code></E>")

    ok, failed = log_of(deployment)
    assert ok["body"] == "[15 bytes withheld]"
    assert "ValidationError" in failed["body"]


def test_a_step_of_a_deployment_keeps_its_calls(deployment: Deployment) -> None:
    def connect(_ref: Any) -> Any:
        made("DescribeStacks", status=400, error="AccessDenied", body="<E><Code>AccessDenied</Code></E>")
        raise ZeroDivisionError

    Deployment.objects.filter(pk=deployment.pk).update(state=State.PREFLIGHT, due_at=timezone.now())
    row = Deployment.objects.get(pk=deployment.pk)

    step.run_deployment(row.pk, row.version, connect)

    assert [call["error"] for call in log_of(deployment)] == ["AccessDenied"]
