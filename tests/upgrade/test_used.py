"""The fixture of a later release that used an upgraded database: what it has, and that migrations keep it."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from django.db import connection

from deployments.access.rules.roles import Role, Scope
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import AFTER_STACKS, PHASES, ROLLBACKS, TERMINAL, Kind, State
from deployments.stacks.models.events import Event
from tests.upgrade import load
from tests.upgrade.dump import FOLDER, USED, Dump
from tests.upgrade.test_fixture import deployments, values_of

NEWER = {State.SNAPSHOT}
"""States of later releases."""
ACTIVE = [
    (kind, phase)
    for kind in Kind
    for phase in PHASES[kind]
    if phase not in NEWER
    if kind not in ROLLBACKS or phase not in AFTER_STACKS
]
"""The phases of each kind. The phases after the stacks are the same for rollbacks as for changes."""
NOT_FAILED = {*AFTER_STACKS, State.PREVIEW, State.PROTECT}
"""Phases in which only the creations of the first phase of the fixture fail, or none."""
NO_ROWS = {"auditcut", "usedonce"}
"""Tables of what was not used: audit records with an end, and identity providers."""


@pytest.mark.parametrize("state", sorted(set(State) - NEWER))
def test_it_has_a_deployment_in_each_state(used_dump: Dump, state: State) -> None:
    assert deployments(used_dump, state=str(state))


@pytest.mark.parametrize(("kind", "phase"), [one for one in ACTIVE if one != (Kind.UPDATE, State.TRAFFIC)])
def test_it_has_an_active_deployment_in_each_phase(used_dump: Dump, kind: Kind, phase: State) -> None:
    assert deployments(used_dump, kind=str(kind), state=str(phase))


@pytest.mark.parametrize(
    ("kind", "phase"),
    [(kind, phase) for kind, phase in ACTIVE if phase not in NOT_FAILED]
    + [(Kind.CREATE, phase) for phase in AFTER_STACKS],
)
def test_it_has_a_failed_deployment_in_each_phase(used_dump: Dump, kind: Kind, phase: State) -> None:
    assert deployments(used_dump, kind=str(kind), state="failed", last_phase=str(phase))


@pytest.mark.parametrize("kind", sorted(Kind))
def test_it_has_a_successful_deployment_of_each_kind(used_dump: Dump, kind: Kind) -> None:
    assert deployments(used_dump, kind=str(kind), state="succeeded")


def test_it_has_waits_of_each_kind(used_dump: Dump) -> None:
    waits = {(row["kind"], row["state"]) for row in used_dump.records("deployments_deployment")}

    assert waits >= {
        *(("create", "scheduled"), ("update", "scheduled"), ("update", "queued")),
        *(("update", "approval"), ("delete", "approval")),
    }
    assert values_of(used_dump, "deployment", "operation") >= {"", "continue", "take_over"}


@pytest.mark.parametrize("kind", ["create", "update"])
def test_it_has_rollbacks_in_progress_and_canceled_deployments(used_dump: Dump, kind: str) -> None:
    rolled = {
        row["deployment_id"]
        for row in used_dump.records("deployments_event")
        if "ROLLBACK_IN" in row["status"]
    }

    assert [row for row in deployments(used_dump, kind=kind, state="stacks") if row["id"] in rolled]
    assert deployments(used_dump, kind=kind, state="canceled")
    assert deployments(used_dump, kind=kind, state="rolled_back")


def test_it_has_rows_in_every_table(used_dump: Dump) -> None:
    empty = {
        name for name, table in used_dump.tables.items() if name.startswith("deployments_") and not table.rows
    }

    assert empty == {f"deployments_{name}" for name in NO_ROWS}


def test_it_has_everything_that_people_decide(used_dump: Dump) -> None:
    assert values_of(used_dump, "approval", "decision") >= {"", "approved", "denied", "withdrawn", "bypassed"}
    assert values_of(used_dump, "environmentlock", "end") == {"", "unlocked", "broken"}
    assert values_of(used_dump, "grant", "role") == set(Role)
    assert values_of(used_dump, "grant", "scope") == set(Scope)
    assert values_of(used_dump, "freezewindow", "kind") == {"weekly", "once"}
    assert values_of(used_dump, "notificationtarget", "kind") == {"webhook", "mail", "service"}
    assert values_of(used_dump, "templatesource", "kind") == {"folder", "git", "archive"}
    assert values_of(used_dump, "templateversion", "status") >= {"active", "deprecated"}
    assert values_of(used_dump, "templatefetch", "state") >= {"succeeded", "failed"}
    assert [row for row in used_dump.records("deployments_environment") if row["changed_outside_at"]]


def test_it_has_environments_of_every_health(used_dump: Dump) -> None:
    assert values_of(used_dump, "environment", "health_word") >= {
        "healthy",
        "degraded",
        "unhealthy",
        "unknown",
    }


def test_a_dozen_deployments_are_in_progress(used_dump: Dump) -> None:
    states = [row["state"] for row in used_dump.records("deployments_deployment")]

    assert len([state for state in states if state not in TERMINAL]) > 40


def test_it_is_small_and_has_no_names_of_its_machine(used_dump: Dump) -> None:
    text = json.dumps([table.rows for table in used_dump.tables.values()], default=repr)

    assert (FOLDER / USED).stat().st_size < 800_000
    assert not re.findall(r"(?<!\w)/(?:tmp|root|home|work)/", text)


def test_migrations_keep_every_row(used_dump: Dump, upgraded_after_use: None) -> None:
    left = {
        name: len(table.rows) for name, table in used_dump.tables.items() if name.startswith("deployments_")
    }

    assert {name: len(load.all_rows(name)) for name in left} == left
    call_command("migrate", check_unapplied=True, verbosity=0)
    connection.check_constraints()


def test_deployments_keep_their_values(used_dump: Dump, upgraded_after_use: None) -> None:
    left = {row["id"]: row for row in used_dump.records("deployments_deployment")}

    for deployment in Deployment.objects.all():
        row = left[deployment.pk]
        assert (deployment.state, deployment.kind, deployment.last_phase) == (
            row["state"],
            row["kind"],
            row["last_phase"],
        )
        assert deployment.token.hex == row["token"]
        assert Event.objects.of(deployment).count() == row["last_seq"]
