"""Deployments in progress continue after the upgrade, with real processes, and no step is repeated.

Real: the rows, which the release wrote; the migrations; a worker and a dispatcher; the sandbox from the
upgrade on. Not real: the sandbox of the release, which lost its state when it stopped.
`tests/upgrade/replay.py` creates the stacks again up to the last event that the release stored, and the rows
are loaded with the names that AWS chose this time. README.md describes how to upgrade a running release.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker, Settings

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.delete import request_deletion
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from tests.chaos.conftest import assert_complete_log, calls_of
from tests.running import Portal
from tests.services import Redis, Sandbox, wait_until
from tests.upgrade import SECRET_KEY, load
from tests.upgrade.dump import Dump
from tests.upgrade.make_fixture import SMALL_SET
from tests.upgrade.replay import QUICK, SLOW, Replayed, renamed

pytestmark = pytest.mark.timeout(900)
WAITED = 400.0
"""Seconds within which all deployments end; the machine may be busy."""
CHANGES = ("CreateChangeSet", "ExecuteChangeSet", "DeleteStack")


@pytest.fixture
def own_database(
    database_server: None, django_db_blocker: DjangoDbBlocker, settings: Settings, tmp_path: Path
) -> Iterator[None]:
    """An empty database for this test, and the key that the release's values are sealed with."""
    settings.SECRET_KEY = SECRET_KEY
    name = f"upgrade_{uuid.uuid4().hex[:8]}"
    with django_db_blocker.unblock(), load.fresh_database(name, tmp_path):
        yield


@pytest.fixture
def portal(own_database: None, sandbox: Sandbox, redis_server: Redis, tmp_path: Path) -> Iterator[Portal]:
    """A worker and a dispatcher for the upgraded database; they are not started yet."""
    environment = {
        **os.environ,
        "DATABASE_URL": load.url(),
        "SECRET_KEY": SECRET_KEY,
        "SANSO_TEMPLATE_SET": str(SMALL_SET),
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    portal = Portal(environment, tmp_path, sandbox)
    yield portal
    portal.stop()


def in_progress() -> dict[str, Deployment]:
    """Return the deployments that have not ended by the names of their environments."""
    return {one.environment.name: one for one in Deployment.objects.for_page().active()}


def finished() -> list[int]:
    """Return the keys of the deployments that have ended."""
    return list(Deployment.objects.exclude(ended_at=None).order_by("pk").values_list("pk", flat=True))


def stored_rows(deployments: list[int]) -> list[Any]:
    """Return the rows of deployments and of their events."""
    rows = Deployment.objects.filter(pk__in=deployments).order_by("pk")
    return [*rows.values(), *Event.objects.filter(deployment__in=rows).order_by("pk").values()]


def ended(portal: Portal, deployments: dict[str, Deployment]) -> dict[str, Deployment]:
    """Wait until all deployments have ended, and return them by the names of their environments."""
    return {one.environment.name: one for one in portal.wait_for_end(*deployments.values(), seconds=WAITED)}


def failures_of(deployment: Deployment) -> list[str]:
    """Return the failed events of a deployment, with AWS's reasons."""
    failed = Event.objects.of(deployment).filter(status__endswith="_FAILED")
    name = deployment.environment.name
    return [f"{name}: {event.logical_id} {event.status}: {event.reason}" for event in failed]


def assert_numbered(deployment: Deployment) -> None:
    events = list(Event.objects.of(deployment))
    # The search for remaining resources may have added an event since the row was read.
    assert len(events) >= deployment.last_seq
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    counted = Counter((event.stack_id, event.event_id) for event in events)
    assert [event for event, count in counted.items() if count > 1] == []


@pytest.fixture
def replayed(sandbox: Sandbox, dump: Dump) -> Iterator[dict[str, Replayed]]:
    """The environments whose stacks exist in the sandbox, up to the last event that the release stored."""
    scenes = {
        "at-artifacts": bucket_is_there,
        "at-change-set": artifacts_are_there,
        "at-change-set-created": change_set_is_there,
        "at-stacks": being_created,
        "at-stacks-full": being_created,
        "at-rollback": being_created,
        "at-configuration": created,
        "at-traffic": created,
        "at-ready": created,
        "at-delete-preflight": created,
        "at-delete": being_deleted,
    }
    found = {name: Replayed(sandbox=sandbox, dump=dump, name=name) for name in scenes}
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(scene, found[name]) for name, scene in scenes.items()]:
            done.result()
    yield found
    for one in found.values():
        sandbox.control("POST", "reset", account=one.number)


def bucket_is_there(replayed: Replayed) -> None:
    replayed.upload(2)


def artifacts_are_there(replayed: Replayed) -> None:
    replayed.upload()


def change_set_is_there(replayed: Replayed) -> None:
    replayed.upload()
    replayed.create_change_set()


def being_created(replayed: Replayed) -> None:
    replayed.upload()
    replayed.create_change_set()
    replayed.pace(QUICK)
    replayed.execute()
    replayed.catch_up("create")
    replayed.pace(SLOW)
    replayed.match()


def created(replayed: Replayed) -> None:
    replayed.upload()
    replayed.create_change_set()
    replayed.execute()
    replayed.catch_up("create")
    replayed.match()


def being_deleted(replayed: Replayed) -> None:
    replayed.upload()
    replayed.create_change_set()
    replayed.execute()
    replayed.catch_up("create")
    replayed.pace(QUICK)
    replayed.delete()
    replayed.catch_up("delete")
    replayed.pace(SLOW)
    replayed.match()


ENDS = {
    "at-preflight": ("create", "succeeded"),
    "at-artifacts": ("create", "succeeded"),
    "at-change-set": ("create", "succeeded"),
    "at-change-set-created": ("create", "succeeded"),
    "at-stacks": ("create", "succeeded"),
    "at-stacks-full": ("create", "succeeded"),
    "at-rollback": ("create", "rolled_back"),
    "at-configuration": ("create", "succeeded"),
    "at-traffic": ("create", "succeeded"),
    "at-ready": ("create", "succeeded"),
    "at-delete-preflight": ("delete", "succeeded"),
    "at-delete": ("delete", "succeeded"),
    # deployed from the set that the release bundled, which differs from the current one
    "at-preflight-full": ("create", "failed"),
}
STARTED_BEFORE = {
    "at-change-set-created": ["ExecuteChangeSet"],
    "at-stacks": [],
    "at-stacks-full": [],
    "at-rollback": [],
    "at-configuration": [],
    "at-traffic": [],
    "at-ready": [],
    "at-delete": [],
    "at-delete-preflight": ["DeleteStack"],
}
"""The remaining calls that change stacks."""


def test_deployments_in_progress_continue_to_their_ends(
    portal: Portal, dump: Dump, replayed: dict[str, Replayed], sandbox: Sandbox
) -> None:
    load.load_release(renamed(dump, replayed.values()))
    load.upgrade()
    before = in_progress()
    over = finished()
    as_they_ended = stored_rows(over)
    calls = {name: len(calls_of(sandbox, one.account)) for name, one in replayed.items()}

    portal.start()
    for one in replayed.values():
        one.pace(0)
    after = ended(portal, before)

    why = "\n".join(failure for one in after.values() for failure in failures_of(one))
    ends = {name: (one.kind, one.state) for name, one in after.items()}
    assert ends == ENDS, why
    assert after["at-preflight-full"].error_code == "TemplateSetChanged"
    for name, deployment in after.items():
        assert_numbered(deployment)
        if name in replayed:
            assert_complete_log(deployment, sandbox)
    made = {
        name: [
            call["action"]
            for call in calls_of(sandbox, replayed[name].account, since=calls[name])
            if call["action"] in CHANGES
        ]
        for name in STARTED_BEFORE
    }
    assert made == STARTED_BEFORE
    for name, (kind, _state) in ENDS.items():
        environment, state = after[name].environment, after[name].state
        assert (environment.deleted_at is not None) == (kind == "delete")
        assert state != "succeeded" or kind == "delete" or environment.stack_status == "CREATE_COMPLETE"
    assert stored_rows(over) == as_they_ended


def test_deployments_whose_stacks_are_lost_end_and_can_be_removed(portal: Portal, dump: Dump) -> None:
    """The sandbox has no stacks of the release: its deployments end, and the names can be used again."""
    load.load_release(dump)
    load.upgrade()
    before = in_progress()

    portal.start()
    after = ended(portal, before)

    for deployment in after.values():
        assert_numbered(deployment)
    for name in ("at-stacks", "at-rollback", "at-configuration", "at-traffic", "at-ready"):
        assert (after[name].state, after[name].error_code) == ("failed", "SandboxRestarted")
    for name in ("at-delete", "at-delete-preflight"):
        assert after[name].state == "succeeded"
        assert after[name].environment.deleted_at
    wait_until(
        lambda: not ActionRequest.objects.active().exists(),
        seconds=WAITED,
        what="the end of the action that was under way",
    )
    guests = Environment.objects.get(name="guests")
    wait_until(
        lambda: Environment.objects.filter(pk=guests.pk).exclude(missing_since=None).exists(),
        seconds=WAITED,
        what="the portal sees that the stack of a deployed environment is missing",
    )
    operator = Client()
    operator.force_login(User.objects.get(username="operator"))
    assert operator.get(guests.get_absolute_url()).status_code == 200
    operator.post(reverse("environment_close", args=[guests.pk]))
    guests.refresh_from_db()
    assert guests.deleted_at
    removal = request_deletion(
        user=User.objects.get(username="operator"),
        environment=after["at-stacks"].environment,
        typed_name="at-stacks",
        reason="",
        request_key=uuid.uuid4(),
    )
    (removed,) = portal.wait_for_end(removal, seconds=WAITED)
    assert removed.state == "succeeded"
