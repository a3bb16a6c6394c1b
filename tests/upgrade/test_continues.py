"""Deployments in progress continue after the upgrade, with real processes, and no step is repeated.

Real: the rows, which the release wrote; the migrations; a worker and a dispatcher; the sandbox from the
upgrade on. Not real: the sandbox of the release, which lost its state when it stopped.
`tests/upgrade/replay.py` creates the stacks again up to the last event that the release stored, and the rows
are loaded with the names that AWS chose this time. README.md describes how to upgrade a running release.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.delete import request_deletion
from deployments.stacks.models.action_requests import ActionRequest
from tests.chaos.conftest import assert_complete_log, calls_of
from tests.running import Portal
from tests.services import Sandbox, wait_until
from tests.upgrade import load
from tests.upgrade.continuing import (
    WAITED,
    assert_numbered,
    changes_of,
    ended,
    failures_of,
    finished,
    replay_all,
    stored_rows,
)
from tests.upgrade.dump import Dump
from tests.upgrade.renaming import renamed
from tests.upgrade.replay import Replayed

# Deployments of a newer version continue in test_used_continues.py.
pytestmark = pytest.mark.timeout(900)


def in_progress() -> dict[str, Deployment]:
    """Return the deployments that have not ended by the names of their environments."""
    return by_name(list(Deployment.objects.for_page().active()))


def by_name(deployments: list[Deployment]) -> dict[str, Deployment]:
    """Return deployments by the names of their environments."""
    return {one.environment.name: one for one in deployments}


@pytest.fixture
def replayed(own_database: None, sandbox: Sandbox, dump: Dump) -> Iterator[dict[str, Replayed]]:
    """The environments whose stacks exist in the sandbox, up to the last event that the release stored."""
    names = [name for name in ENDS if name not in IN_PREFLIGHT]
    found = {name: Replayed(sandbox=sandbox, dump=dump, name=name) for name in names}
    replay_all(found.values())
    yield found
    for one in found.values():
        one.control("POST", "reset")


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
IN_PREFLIGHT = ("at-preflight", "at-preflight-full")
"""Creations that had changed nothing in AWS."""
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
    after = by_name(ended(portal, before.values()))

    ends = {name: (one.kind, one.state) for name, one in after.items()}
    assert ends == ENDS, failures_of(after.values())
    assert after["at-preflight-full"].error_code == "TemplateSetChanged"
    for name, deployment in after.items():
        assert_numbered(deployment)
        if name in replayed:
            assert_complete_log(deployment, sandbox)
    made = {name: changes_of(sandbox, replayed[name], calls[name]) for name in STARTED_BEFORE}
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
    after = by_name(ended(portal, before.values()))

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
