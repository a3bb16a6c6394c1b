"""A first contact with the sandbox, whole and interrupted: the report is right, and nothing is left.

It tests the command as docs/first-contact.md runs it, never AWS.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.steps import clean_up, contact, reads
from tests.first_contact.remaining import assert_nothing_is_left
from tests.permissions import granted_actions
from tests.running import client
from tests.services import REPOSITORY, Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


class Printed(StringIO):
    """What the command printed, and how it ended: "" or its error."""

    error = ""


def first_contact(account: Account, folder: Path, *options: str) -> Printed:
    """Run the command to its end."""
    printed = Printed()
    number = len(list(folder.glob("*.zip")))
    output = str(folder / f"{number}.zip")
    try:
        call_command("first_contact", account.name, *options, "--output", output, stdout=printed)
    except CommandError as exc:
        printed.error = str(exc)
    return printed


def report_of(folder: Path) -> dict[str, Any]:
    """Return the newest archive's report."""
    newest = sorted(folder.glob("*.zip"))[-1]
    with zipfile.ZipFile(newest) as archive:
        found: dict[str, Any] = json.loads(archive.read("report.json"))
    return found


def unexpected(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the step, the question and the outcome of what is not as expected."""
    return [
        (step["name"], answer["question"], answer["outcome"])
        for step in report["steps"]
        for answer in step["answers"]
        if answer["outcome"] not in ("expected", "note")
    ]


def states(report: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in report["steps"]}


def fault(sandbox: Sandbox, account: Account, **values: Any) -> None:
    sandbox.control("POST", "faults", {"api": [values]}, account=account.sandbox_account_id)


def test_the_whole_is_as_expected_and_leaves_nothing(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    printed = first_contact(account, tmp_path, "--steps", "reads,roles,change_set,probe")

    report = report_of(tmp_path)
    assert unexpected(report) == []
    assert printed.error == ""
    assert "Nothing is left in AWS" in printed.getvalue()
    assert set(states(report).values()) == {"done"}
    assert report["left"] == []
    questions = {answer["question"] for answer in report["steps"][0]["answers"]}
    assert questions >= {*reads.READS, "AssumeRole with a wrong external ID"}
    texts = [answer["text"] for step in report["steps"] for answer in step["answers"]]
    assert any("CREATE_COMPLETE" in text for text in texts)
    assert_nothing_is_left(account, sandbox)
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        log = archive.read("aws-calls.jsonl").decode()
        everything = "\n".join(archive.read(name).decode() for name in archive.namelist())
    about, *calls = (json.loads(line) for line in log.splitlines())
    assert about["source"] == "sandbox"
    operations = {call["operation"] for call in calls}
    assert {"AssumeRole", "CreateChangeSet", "ExecuteChangeSet", "DeleteStack"} <= operations
    assert account.sandbox_account_id not in everything
    assert account.external_id not in everything


def test_the_policies_are_validated_where_that_is_allowed(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    first_contact(account, tmp_path, "--steps", "roles")
    (denied,) = validations(report_of(tmp_path))
    assert (denied["outcome"], "AccessDenied" in denied["text"]) == ("note", True)
    statement = {"Effect": "Allow", "Action": "access-analyzer:ValidatePolicy", "Resource": "*"}
    client(account, "iam", sandbox).put_role_policy(
        RoleName="sanso-portal",
        PolicyName="validation",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    printed = first_contact(account, tmp_path, "--steps", "roles")

    assert printed.error == ""
    found = validations(report_of(tmp_path))
    assert len(found) > 10
    assert {(one["outcome"], one["text"]) for one in found} == {("expected", "0 findings")}


def validations(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of Access Analyzer."""
    answers: list[dict[str, Any]] = report["steps"][0]["answers"]
    return [one for one in answers if "validated by Access Analyzer" in one["question"]]


def test_the_database_is_as_expected_and_leaves_nothing(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    printed = first_contact(account, tmp_path, "--steps", "roles", "--database")

    report = report_of(tmp_path)
    assert unexpected(report) == []
    assert printed.error == ""
    assert states(report) == {"roles": "done", "database": "done", "clean_up": "done"}
    answers = {one["question"]: one["text"] for one in report["steps"][1]["answers"]}
    assert answers["the cluster"].startswith("available, engine version 8.0.mysql_aurora.3")
    assert answers["AWS::RDS::DBCluster Cluster"].startswith("CREATE_COMPLETE")
    assert answers["output Endpoint"]
    assert_nothing_is_left(account, sandbox)


def test_a_database_whose_deletion_fails_is_reported_as_billed(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    body = {"resources": {"delete:Cluster": "The cluster is busy."}}
    sandbox.control("POST", "faults", body, account=account.sandbox_account_id)

    printed = first_contact(account, tmp_path, "--steps", "database")

    assert "AWS::RDS::DBCluster" in printed.error
    left = {one["type"]: one["billing"] for one in report_of(tmp_path)["left"]}
    assert left["AWS::RDS::DBCluster"] == "billed"
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    assert first_contact(account, tmp_path, "--clean-up").error == ""
    assert_nothing_is_left(account, sandbox)


def test_a_denied_call_is_in_the_report_and_the_rest_goes_on(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    iam = client(account, "iam", sandbox)
    granted_actions.take_away(
        iam, account.sandbox_account_id, "sanso-portal", "observe", "cloudtrail:LookupEvents"
    )
    granted_actions.take_away(
        iam, account.sandbox_account_id, "sanso-portal", "stacks", "cloudformation:ExecuteChangeSet"
    )

    printed = first_contact(account, tmp_path, "--steps", "reads,probe")

    report = report_of(tmp_path)
    assert unexpected(report) == [
        ("reads", "cloudtrail.by_user", "denied"),
        ("reads", "cloudtrail.of_resource", "denied"),
        ("probe", "cloudformation.execute_change_set", "denied"),
    ]
    assert "Nothing is left in AWS. Not everything was as expected" in printed.error
    assert_nothing_is_left(account, sandbox)  # and no stack in REVIEW_IN_PROGRESS


def test_a_lost_network_and_an_expired_session_in_the_middle(
    account: Account, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "REPEATED_FOR", 1.0)
    fault(
        sandbox,
        account,
        service="cloudformation",
        action="DescribeStackEvents",
        mode="error_before",
        count=50,
    )
    fault(
        sandbox,
        account,
        service="elasticloadbalancing",
        action="DescribeTargetGroups",
        mode="error_before",
        code="ExpiredToken",
        message="The security token included in the request is expired",
        status=403,
        count=1,
    )
    fault(sandbox, account, service="cloudformation", action="DeleteStack", mode="timeout", count=2)

    printed = first_contact(account, tmp_path, "--steps", "probe")

    report = report_of(tmp_path)
    assert [
        (step, question.partition(" ")[0], outcome) for step, question, outcome in unexpected(report)
    ] == [
        ("probe", "cloudformation.events_after", "no_answer"),
        ("probe", "cloudformation.delete_stack", "no_answer"),
    ]  # the session was renewed, and the clean-up deleted the stack
    assert "Nothing is left" in printed.error
    assert_nothing_is_left(account, sandbox)


@pytest.mark.parametrize(
    "lost",
    [
        {"mode": "error_before"},
        {
            "mode": "error_before",
            "code": "ExpiredToken",
            "message": "The security token included in the request is expired",
            "status": 403,
        },
    ],
    ids=["network", "session"],
)
def test_a_clean_up_without_answers_reports_what_may_be_left_and_is_finished_by_the_next(
    account: Account,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lost: dict[str, Any],
) -> None:
    monkeypatch.setattr(contact, "REPEATED_FOR", 1.0)
    monkeypatch.setattr(clean_up, "REPEATED_FOR", 1.0)
    fault(sandbox, account, service="cloudformation", action="DeleteStack", count=100, **lost)

    printed = first_contact(account, tmp_path, "--steps", "probe")

    left = report_of(tmp_path)["left"]
    assert "Something is left in AWS" in printed.error
    assert "AWS::CloudFormation::Stack" in {one["type"] for one in left}
    assert "AWS::EC2::VPC" in {one["type"] for one in left}
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    monkeypatch.undo()
    assert first_contact(account, tmp_path, "--clean-up").error.startswith("Nothing is left in AWS.")
    assert_nothing_is_left(account, sandbox)


def test_a_failed_deletion_is_reported_and_finished_by_the_next_run(
    account: Account, sandbox: Sandbox, tmp_path: Path
) -> None:
    body = {"resources": {"delete:Vpc": "It has dependencies."}}
    sandbox.control("POST", "faults", body, account=account.sandbox_account_id)

    printed = first_contact(account, tmp_path, "--steps", "probe")

    assert "Something is left in AWS" in printed.error
    left = report_of(tmp_path)["left"]
    assert {one["type"] for one in left} == {"AWS::CloudFormation::Stack", "AWS::EC2::VPC"}
    assert {one["billing"] for one in left} == {"free"}
    assert "AWS::EC2::VPC" in printed.error

    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    again = first_contact(account, tmp_path, "--steps", "probe")

    assert "Cleaning up after the run" in again.getvalue()
    assert again.error == ""
    assert [run.left for run in ContactRun.objects.of(account)] == [[], []]
    assert_nothing_is_left(account, sandbox)


@pytest.mark.parametrize(
    ("action", "mode"), [("CreateChangeSet", "hold_after"), ("ExecuteChangeSet", "hold_after")]
)
def test_a_run_whose_process_was_killed_is_cleaned_up_by_another(
    account: Account,
    sandbox: Sandbox,
    process_environment: dict[str, str],
    tmp_path: Path,
    action: str,
    mode: str,
) -> None:
    fault(sandbox, account, service="cloudformation", action=action, mode=mode, count=1)
    process = started(account, process_environment, tmp_path, "probe")
    wait_until(lambda: bool(held(sandbox, account)), what="the held call")
    busy = first_contact(account, tmp_path, "--clean-up")
    assert "in progress" in busy.error

    process.kill()
    process.communicate()
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    for request in held(sandbox, account):
        sandbox.control("POST", f"held/{request['id']}", {"action": "drop"})
    first_contact(account, tmp_path, "--clean-up")

    report = report_of(tmp_path)
    assert states(report) == {"probe": "failed", "clean_up": "done"}
    assert report["left"] == []
    assert_nothing_is_left(account, sandbox)


def test_a_stopped_run_cleans_up_before_it_ends(
    account: Account, sandbox: Sandbox, process_environment: dict[str, str], tmp_path: Path
) -> None:
    fault(sandbox, account, service="cloudformation", action="ExecuteChangeSet", mode="hold_before", count=1)
    process = started(account, process_environment, tmp_path, "probe,reads")
    wait_until(lambda: bool(held(sandbox, account)), what="the held call")

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)

    assert "Stopped. Cleaning up" in output
    report = report_of(tmp_path)
    assert report["stopped_by"] == "signal"
    assert states(report)["clean_up"] == "done"
    assert report["left"] == []
    assert_nothing_is_left(account, sandbox)


def started(account: Account, environment: dict[str, str], folder: Path, steps: str) -> subprocess.Popen[str]:
    """Start the command in a process that Ctrl-C ends, as one in the foreground."""
    arguments = ["first_contact", account.name, "--steps", steps, "--output", str(folder / "process.zip")]
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "manage.py"), *arguments],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def held(sandbox: Sandbox, account: Account) -> list[dict[str, Any]]:
    """Return the calls of an account that the sandbox holds."""
    found = sandbox.control("GET", "held")
    assert isinstance(found, list)
    return [one for one in found if one["account"] == account.sandbox_account_id]
