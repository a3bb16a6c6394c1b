"""Backups and snapshots on the command line."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.restore_drills.models import RestoreDrill
from deployments.stacks.models.action_requests import ActionRequest
from tests.command_line.portal_in_process import PortalInProcess, Shell


def test_backups_are_pairs_and_a_table_or_json(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    code, table, _ = shell.run("env", "backups", "shop")

    assert code == 0
    assert "17:00-17:30" in table
    head, row = table.splitlines()[-2:]
    assert head.split()[:3] == ["NAME", "CAUSE", "STATUS"]
    assert row.split()[:3] == ["rds:site-cluster-2026-12-01-17-04", "automated", "available"]
    found = json.loads(shell.run("env", "backups", "shop", "-o", "json")[1])
    assert found["clusters"][0]["retention_days"] == 7


def test_a_snapshot_is_requested_without_waiting(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    code, output, errors = shell.run("env", "snapshot", "shop", "--cluster", "site-cluster", "--no-wait")

    assert (code, output) == (0, "The snapshot has been requested.\n"), errors
    assert portal.posted("/snapshots") == {"cluster": "site-cluster"}
    assert ActionRequest.objects.get().kind == "take_snapshot"


@pytest.mark.parametrize(
    ("state", "code", "exit_code"),
    [("done", Code.SNAPSHOT_TAKEN, 0), ("failed", Code.SNAPSHOT_QUOTA, 1)],
)
def test_the_command_waits_and_ends_with_the_result(
    portal: PortalInProcess,
    shell: Shell,
    shop: Environment,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    code: Code,
    exit_code: int,
) -> None:
    sentence = Message(code, {"snapshot": "sanso-shop-1", "code": "SnapshotQuotaExceeded"}).as_json()

    def work(seconds: float) -> None:
        """Do what the worker does in this time."""
        ActionRequest.objects.update(state=state, ended_at=timezone.now(), result={"sentence": sentence})

    monkeypatch.setattr("sanso_cli.backups.time.sleep", work)

    found, output, errors = shell.run("env", "snapshot", "shop")

    assert found == exit_code
    expected = "The snapshot sanso-shop-1 is available." if state == "done" else "SnapshotQuotaExceeded"
    assert expected in output + errors


@pytest.mark.parametrize(("result", "exit_code"), [("passed", 0), ("failed", 1)])
def test_a_drill_ends_with_its_result(
    portal: PortalInProcess,
    shell: Shell,
    shop: Environment,
    monkeypatch: pytest.MonkeyPatch,
    result: str,
    exit_code: int,
) -> None:
    sentence = Message(Code.DRILL_NO_POINT, {"cluster": "site-cluster"}).as_json()

    def work(seconds: float) -> None:
        """Do what the worker does in this time."""
        RestoreDrill.objects.update(
            state="finished", result=result, sentence=sentence, ended_at=timezone.now(), active_key=None
        )

    monkeypatch.setattr("sanso_cli.backups.time.sleep", work)

    code, output, errors = shell.run("env", "drill", "shop")

    assert code == exit_code, errors
    assert result in output
    assert portal.posted("/restore-drills") == {"cluster": ""}


def test_a_drill_is_requested_without_waiting(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    code, output, errors = shell.run("env", "drill", "shop", "--no-wait")

    assert (code, output) == (0, "The restore drill has been requested.\n"), errors


def test_drills_and_their_schedule_are_shown_and_set(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    code, output, errors = shell.run("env", "drills", "shop", "--monthly")

    assert code == 0, errors
    assert portal.posted("/restore-drill-schedule") == {"monthly": True}
    assert "monthly" in output.lower()
    shell.run("env", "drill", "shop", "--no-wait")
    found = json.loads(shell.run("env", "drills", "shop", "--no-monthly", "-o", "json")[1])
    assert found["schedule"] == {"monthly": False, "next_at": None}
    assert [one["state"] for one in found["items"]] == ["queued"]
