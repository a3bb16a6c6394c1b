"""The fixture has a row of every kind that the release could write, and no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from deployments.cloudformation.status import COMPLETE, FAILED, IN_PROGRESS, DisplayStatus, display_status
from deployments.environments.rules.phases import PHASES, ROLLBACKS, TERMINAL, Kind, State
from deployments.failures.models import KINDS as EVIDENCE
from tests.upgrade import GUEST_PASSWORD, PASSWORD
from tests.upgrade.dump import FILE, FOLDER, Dump

SOURCES = {"stack", "targets", "associations", "fleet", "database"}
STATUSES = {"", *FAILED, *COMPLETE, *IN_PROGRESS}
DISPLAYED = {display_status(status) for status in STATUSES} | {DisplayStatus.CANCELLED}
"""The statuses of a stack or resource on pages."""


def deployments(dump: Dump, **values: Any) -> list[dict[str, Any]]:
    rows = dump.records("deployments_deployment")
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


def values_of(dump: Dump, table: str, column: str) -> set[Any]:
    return {row[column] for row in dump.records(f"deployments_{table}")}


NEWER = {
    *(State.PROTECT, State.PREVIEW, State.APPROVAL, State.SCHEDULED, State.QUEUED, State.SNAPSHOT),
    *(State.SERVERS, State.CANCELED),
}
"""States of later releases."""
NEWER_EVIDENCE = {"connections", "trail", "validation"}
"""Kinds of evidence of later releases."""
OF_THE_RELEASE = {kind: [phase for phase in phases if phase not in NEWER] for kind, phases in PHASES.items()}


@pytest.mark.parametrize("state", sorted(set(State) - NEWER))
def test_the_fixture_has_a_deployment_in_each_state(dump: Dump, state: State) -> None:
    assert deployments(dump, state=str(state))


@pytest.mark.parametrize(
    ("kind", "phase"),
    [(kind, phase) for kind in (Kind.CREATE, Kind.DELETE) for phase in OF_THE_RELEASE[kind]],
)
def test_the_fixture_has_an_active_and_a_failed_deployment_in_each_phase(
    dump: Dump, kind: Kind, phase: State
) -> None:
    assert deployments(dump, kind=str(kind), state=str(phase))
    assert deployments(dump, kind=str(kind), state="failed", last_phase=str(phase))


@pytest.mark.parametrize("kind", sorted(set(Kind) - ROLLBACKS))
def test_the_fixture_has_a_successful_deployment_of_each_kind(dump: Dump, kind: Kind) -> None:
    assert deployments(dump, kind=str(kind), state="succeeded")


def test_active_deployments_wait_for_every_possible_condition(dump: Dump) -> None:
    active = [row for row in dump.records("deployments_deployment") if row["state"] not in TERMINAL]

    assert {row["attention_code"] != "" for row in active} == {True, False}
    assert [row for row in active if row["sealed_parameters"]]
    assert {row["state"] for row in active if row["waiting_for"] != "[]"} == {
        "configuration",
        "traffic",
        "ready",
    }
    assert [row for row in active if row["state"] == "change_set" and row["change_set_id"]]
    assert [row for row in active if row["state"] == "change_set" and not row["change_set_id"]]


@pytest.mark.parametrize("status", sorted(DISPLAYED))
def test_the_fixture_has_a_stack_or_resource_with_each_status(dump: Dump, status: DisplayStatus) -> None:
    assert status in {display_status(term, reason) for term, reason in statuses(dump)}


def statuses(dump: Dump) -> Iterator[tuple[str, str]]:
    for table in ("stack", "resource", "event"):
        for row in dump.records(f"deployments_{table}"):
            yield row["status"], row["reason"]


def test_the_fixture_has_environments_of_every_health_missing_and_deleted(dump: Dump) -> None:
    assert values_of(dump, "environment", "health_word") >= {"healthy", "degraded", "unhealthy", "unknown"}
    rows = list(dump.records("deployments_environment"))
    assert {(row["missing_since"] is None, row["deleted_at"] is None) for row in rows} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }


def test_the_fixture_has_observations_and_requests_of_every_kind(dump: Dump) -> None:
    assert values_of(dump, "evidence", "kind") == {kind for kind, _label in EVIDENCE} - NEWER_EVIDENCE
    assert values_of(dump, "observation", "source") >= SOURCES
    assert len(values_of(dump, "observation", "problem_code")) > 1
    assert values_of(dump, "siteprobe", "wrote") == {0, 1}
    assert values_of(dump, "operation", "state") >= {"running", "done"}
    assert values_of(dump, "operation", "kind") == {"run_association", "save_time"}
    assert values_of(dump, "duration", "operation") >= {"create", "delete"}
    assert [row for row in dump.records("deployments_associationrun") if row["failed_task"] and row["output"]]
    for table in (
        "healthsample",
        "target",
        "scalingactivity",
        "databasemember",
        "templatecheck",
        "expectation",
    ):
        assert dump.tables[f"deployments_{table}"].rows, table


def test_the_fixture_has_every_user_and_no_session(dump: Dump) -> None:
    users = {row["username"]: row for row in dump.records("auth_user")}
    allowed = {row["user_id"] for row in dump.records("auth_user_user_permissions")}

    assert set(users) == {"admin", "operator", "viewer"}
    assert allowed == {users["operator"]["id"]}
    assert [row for row in dump.records("deployments_account") if row["role_arn"]]
    assert [row for row in dump.records("deployments_account") if row["is_recording"]]
    assert "django_session" not in dump.tables
    for user in users.values():
        assert check_password(PASSWORD, user["password"], preferred="pbkdf2_sha256")


def test_the_fixture_has_a_secret_in_a_function_log(dump: Dump) -> None:
    """The release stored it; later releases must not."""
    logs = [row["text"] for row in dump.records("deployments_evidence") if row["kind"] == "function_log"]

    assert [text for text in logs if GUEST_PASSWORD in text]


def test_the_fixture_is_small_and_has_no_names_of_its_machine(dump: Dump) -> None:
    text = json.dumps([dump.tables[name].rows for name in dump.tables])

    assert (FOLDER / FILE).stat().st_size < 400_000
    assert not re.findall(r"(?<!\w)/(?:tmp|root|home|work)/", text)
