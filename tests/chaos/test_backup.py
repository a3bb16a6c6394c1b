"""A backup of a running portal, restored to another data folder, continues its deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.chaos.conftest import hold_call
from tests.mariadb import MariaDB
from tests.running import Portal, new_account
from tests.services import REPOSITORY, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "manage.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(environment: dict[str, str], pk: int) -> dict[str, Any]:
    """Return the recording of a deployment in another portal, or {} until the deployment has ended."""
    command = [sys.executable, str(REPOSITORY / "manage.py"), "export_deployment", str(pk)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def test_a_restored_portal_goes_on_with_a_running_deployment(
    portal: Portal, mariadb_server: MariaDB, tmp_path: Path
) -> None:
    account = new_account()
    # The sandbox creates the stacks meanwhile; the portal reads their events when the calls are released.
    hold_call(portal, account, ("cloudformation", "DescribeStackEvents", 1, "hold_before"))
    deployment = portal.deploy(account=account)
    wait_until(lambda: bool(portal.held()), what="a deployment in the middle")
    file = tmp_path / "sanso.tar.gz"

    manage(portal.environment, "backup", str(file))

    for service in portal.services:
        service.kill()
    before = list(Event.objects.of(deployment).values_list("seq", "event_id", "status"))
    assert before
    assert Deployment.objects.get(pk=deployment.pk).is_active
    portal.release_held_calls()
    mariadb_server.execute("CREATE DATABASE moved CHARACTER SET utf8mb4")
    moved = portal.environment | {
        "DATABASE_URL": mariadb_server.url.replace("/sanso", "/moved"),
        "SANSO_DATA_DIR": str(tmp_path / "moved"),
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    try:
        manage(moved, "restore", str(file))
        other = Portal(moved, tmp_path / "other", portal.sandbox)
        (tmp_path / "other").mkdir()
        other.start()
        try:
            wait_until(lambda: bool(exported(moved, deployment.pk)), what="the end of the deployment")
        finally:
            other.stop()
        recording = exported(moved, deployment.pk)
    finally:
        mariadb_server.execute("DROP DATABASE moved")

    assert recording["deployment"]["state"] == "succeeded"
    events = recording["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [(e["seq"], e["event_id"], e["status"]) for e in events[: len(before)]] == before
    ids = [event["event_id"] for event in events if event["source"] == "cloudformation"]
    assert len(ids) == len(set(ids)) > len(before)
