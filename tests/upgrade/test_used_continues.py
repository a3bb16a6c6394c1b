"""Deployments of each kind and phase that the later release had in progress continue to their ends.

Real and not real are the same as in `test_continues.py`. The times of the rows are moved, so that the release
stopped just now. People decide what they had to decide: they apply, approve, discard, or let the time come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F, Model, QuerySet
from django.utils import timezone

from deployments import dispatcher
from deployments.changes.commands.apply import apply_change, discard_change
from deployments.changes.commands.approve import approve
from deployments.changes.commands.schedule import reschedule
from deployments.changes.models.approvals import Approval
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.observers import OBSERVED
from deployments.health.models.observing import Observer
from deployments.notifications.models import NotificationTarget
from deployments.template_sets.models.sources import TemplateSource
from tests.chaos.conftest import assert_complete_log, calls_of
from tests.running import Portal
from tests.services import Sandbox, wait_until
from tests.upgrade import load, second_phase
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
from tests.upgrade.renaming import moved_to, renamed
from tests.upgrade.replay import Replayed

pytestmark = pytest.mark.timeout(900)
FIRST_ACCOUNT = f"{second_phase.FIRST_ACCOUNT:012}"
"""The deployments in progress in earlier accounts are in `test_continues.py`."""
PACE = 4.0
"""Time scale at which a topic is updated in a second: the deployments in progress stop in the middle."""
CREATES = ("CreateChangeSet", "ExecuteChangeSet")
ENDS = {
    "new-at-preflight": ("create succeeded", CREATES),
    "new-at-artifacts": ("create succeeded", CREATES),
    "new-at-change-set": ("create succeeded", CREATES),
    "new-at-change-set-created": ("create succeeded", ("ExecuteChangeSet",)),
    "new-at-stacks": ("create succeeded", ()),
    "new-at-protect": ("create succeeded", ()),
    "new-scheduled": ("create succeeded", CREATES),
    "change-at-preflight": ("update succeeded", CREATES),
    "change-at-artifacts": ("update succeeded", CREATES),
    "change-at-change-set": ("update succeeded", CREATES),
    "change-at-preview": ("update succeeded", ("ExecuteChangeSet",)),
    "change-at-approval": ("update succeeded", ("ExecuteChangeSet",)),
    "change-scheduled": ("update succeeded", ("ExecuteChangeSet",)),
    "update-canceled": ("update canceled", ()),
    # The second one waits for the first one, and is computed again, because the stack has changed.
    "change-at-stacks": ("update succeeded, update succeeded", CREATES),
    "change-at-rollback": ("update rolled_back", ()),
    "retry-at-protect": ("update succeeded", ()),
    "released": ("update succeeded", ("SendCommand", "SendCommand", "ExecuteChangeSet")),
    "change-at-configuration": ("update succeeded", ()),
    "change-at-traffic": ("update succeeded", ()),
    "change-at-ready": ("update succeeded", ()),
    "delete-at-approval": ("delete succeeded", ("DeleteStack",)),
    "delete-at-preflight": ("delete succeeded", ("DeleteStack",)),
    "delete-at-stacks": ("delete succeeded", ()),
    "continue-at-preflight": ("rollback succeeded", ("ContinueUpdateRollback",)),
    "continue-at-stacks": ("rollback succeeded", ()),
    "back-at-preflight": ("rollback_update succeeded", ("RollbackStack",)),
    "back-at-stacks": ("rollback_update succeeded", ()),
    "empty-at-preflight": ("rollback_creation succeeded", ("RollbackStack",)),
    "empty-at-stacks": ("rollback_creation succeeded", ()),
}
"""How the deployments of each environment end, and the calls that remained to change stacks and servers."""
PREVIEWED = (
    *("change-at-preview", "change-at-preflight", "change-at-artifacts", "change-at-change-set"),
    "change-at-stacks",
)
"""The changes whose preview a person applies; the last one waits longest for it, in the queue."""


@pytest.fixture
def replayed(own_database: None, sandbox: Sandbox, used_dump: Dump) -> Iterator[dict[str, Replayed]]:
    """The environments, up to the last event of their stacks that the release stored."""
    dump = moved_to(used_dump, timezone.now())
    found = {name: Replayed(sandbox=sandbox, dump=dump, name=name, pace_in_progress=PACE) for name in ENDS}
    replay_all(found.values())
    yield found
    for one in found.values():
        one.control("POST", "reset")


def let_others_rest(replayed: Iterable[Replayed]) -> None:
    """Take no steps but those of these environments, observe only those with servers, and notify nobody.

    Most of the others are about the sandbox of the release, which is gone.
    """
    environments = Environment.objects.filter(pk__in=[one.environment["id"] for one in replayed])
    accounts = list(environments.values_list("account", flat=True))
    with_servers = environments.filter(fleet_groups__isnull=False).values_list("account", flat=True)
    missing = [Observer(account_id=pk, source=source) for pk in accounts for source in OBSERVED]
    Observer.objects.bulk_create(missing, ignore_conflicts=True)
    kept: dict[type[Model], QuerySet[Any]] = {
        Deployment: Deployment.objects.filter(environment__in=environments),
        Environment: environments,
        Observer: Observer.objects.filter(account__in=list(with_servers)),
    }
    for rows, _task in dispatcher.kinds():
        keys = kept[rows.model].values_list("pk", flat=True) if rows.model in kept else ()
        rows.exclude(pk__in=list(keys)).update(due_at=None, version=F("version") + 1)
    TemplateSource.objects.update(due_at=None)
    NotificationTarget.objects.update(enabled=False)


def of_environment(deployments: Iterable[Deployment]) -> dict[str, list[Deployment]]:
    """Return deployments by the names of their environments, older ones first."""
    found: dict[str, list[Deployment]] = defaultdict(list)
    for one in sorted(deployments, key=lambda one: one.pk):
        found[one.environment.name].append(one)
    return found


def decide(before: dict[str, list[Deployment]]) -> None:
    """Apply, approve, discard and start what waits for a person."""
    operator, admin = (User.objects.get(username=name) for name in ("operator", "admin"))
    for name in ("change-at-approval", "delete-at-approval"):
        (waiting,) = before[name]
        request = Approval.objects.get(open_key=waiting.pk)
        approve(user=admin, deployment=waiting, approval_pk=request.pk, digest=waiting.preview_digest)
    (creation,) = before["new-scheduled"]
    reschedule(user=operator, deployment=creation, scheduled_for=None)
    (unwanted,) = before["update-canceled"]
    discard_change(user=operator, deployment=unwanted)
    let_its_time_come(*before["change-scheduled"])
    previewed = [before[name][-1] for name in PREVIEWED]
    for change in previewed:
        wait_until(partial(has_its_preview, change), seconds=WAITED, what="a preview to apply")
        apply_change(user=operator, deployment=change, digest=change.preview_digest)


def let_its_time_come(scheduled: Deployment) -> None:
    """Move the time of a change to now, in its approval as well."""
    now = timezone.now()
    (approval,) = Approval.objects.of(scheduled.pk)
    choices = approval.choices | {"scheduled_for": now.isoformat()}
    Approval.objects.filter(pk=approval.pk).update(choices=choices)
    rows = Deployment.objects.filter(pk=scheduled.pk)
    rows.update(scheduled_for=now, due_at=now, version=F("version") + 1)


def has_its_preview(change: Deployment) -> bool:
    """Return whether a change can be applied, the one that was queued because it was computed again."""
    change.refresh_from_db()
    return change.state == "preview"


def test_deployments_of_each_kind_continue_to_their_ends(
    portal: Portal, replayed: dict[str, Replayed], sandbox: Sandbox
) -> None:
    dump = next(iter(replayed.values())).dump
    load.load_release(renamed(dump, replayed.values()))
    load.upgrade()
    let_others_rest(replayed.values())
    of_this_release = Deployment.objects.filter(environment__account__sandbox_account_id__gte=FIRST_ACCOUNT)
    before = of_environment(of_this_release.active().for_page())
    assert set(before) == set(ENDS)
    over = finished()
    as_they_ended = stored_rows(over)
    calls = {name: len(calls_of(sandbox, one.account)) for name, one in replayed.items()}

    portal.start()
    for one in replayed.values():
        one.pace(0)
    decide(before)
    after = of_environment(ended(portal, [one for of_one in before.values() for one in of_one]))

    found = {
        name: (
            ", ".join(f"{one.kind} {one.state}" for one in after[name]),
            tuple(changes_of(sandbox, one, calls[name])),
        )
        for name, one in replayed.items()
    }
    assert found == ENDS, failures_of(one for of_one in after.values() for one in of_one)
    for deployment in (one for of_one in after.values() for one in of_one):
        assert_numbered(deployment)
        assert_complete_log(deployment, sandbox)
    assert after["change-at-rollback"][0].error_code == "ResourceFailed"
    for name in ("new-at-protect", "retry-at-protect"):
        assert after[name][0].protection == "on"
        assert replayed[name].root()["EnableTerminationProtection"]
    for name, of_one in after.items():
        environment = of_one[-1].environment
        assert bool(environment.deleted_at) == name.startswith("delete-")
        assert environment.changed_outside_at is None
        assert environment.deleted_at or environment.stack_status == replayed[name].root()["StackStatus"]
    assert stored_rows(over) == as_they_ended
