"""`kill -9` of the worker before and after every AWS call of a launch and a delete.

One deployment a point, each in an account of its own: the sandbox holds the call (before it is carried
out, or after, with its answer kept back), and when all of a batch are held the one worker is killed. A new
worker and the leases do the rest, without a person. The points are the calls of deployments' own ticks;
`test_kill_observers` has those of the observers.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployments.core.phases import State
from deployments.models import Account, Deployment, Environment
from tests.chaos.conftest import (
    Point,
    assert_whole,
    calls_of,
    hold,
    kill_when_all_are_held,
    root_stacks,
)
from tests.running import Portal, new_account
from tests.services import Sandbox
from tests.wordings import reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
BATCH = 20
OCCURRENCES = 2
"""How many of the calls that are made again and again (looking, uploading) are points of the walk."""
OWN = {"sts", "s3", "cloudformation"}
"""The services that a deployment of this set asks by itself."""


def points_of(calls: list[dict[str, Any]]) -> list[Point]:
    """Return (service, action, how many of it to let pass first, before or after) for every call."""
    assert {call["service"] for call in calls} <= OWN
    passed: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    for call in calls:
        name = call["service"], call["action"]
        if passed[name] < OCCURRENCES:
            points += [(*name, passed[name], when) for when in ("hold_before", "hold_after")]
        passed[name] += 1
    return points


def batches(points: list[Point]) -> list[list[Point]]:
    """Return the points in as few batches as can be, all of about the same size."""
    count = -(-len(points) // BATCH)
    return [points[i::count] for i in range(count)]


def let_rest(*deployments: Deployment) -> None:
    """Look no more at environments between deployments: those calls are no deployment's own."""
    environments = Environment.objects.filter(pk__in=[one.environment_id for one in deployments])
    environments.update(due_at=timezone.now() + timedelta(hours=1))


def forget(*deployments: Deployment) -> None:
    """Have nothing observed of what is done with."""
    environments = Environment.objects.filter(pk__in=[one.environment_id for one in deployments])
    environments.update(deleted_at=timezone.now())


def test_a_launch_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.ended(control)
    points = points_of(calls_of(sandbox, control.environment.account))
    assert len(points) >= 30

    for batch in batches(points):
        accounts: list[Account] = [new_account() for _ in batch]
        for account, point in zip(accounts, batch, strict=True):
            hold(portal, account, point)
        deployments = [portal.deploy(account=account) for account in accounts]
        kill_when_all_are_held(portal, accounts)

        for point, ended in zip(batch, portal.ended(*deployments), strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert root_stacks(ended, sandbox) == ["CREATE_COMPLETE"], point
            assert_whole(ended, sandbox)
        forget(*deployments)


def test_a_delete_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.ended(control)
    let_rest(control)
    before = len(calls_of(sandbox, control.environment.account))
    portal.ended(portal.remove(control))
    points = points_of(calls_of(sandbox, control.environment.account, since=before))
    assert len(points) >= 10

    for batch in batches(points):
        accounts = [new_account() for _ in batch]
        made = portal.ended(*[portal.deploy(account=account) for account in accounts])
        assert {deployment.state for deployment in made} == {State.SUCCEEDED}
        let_rest(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold(portal, account, point)
        removals: list[Deployment] = [portal.remove(deployment) for deployment in made]
        kill_when_all_are_held(portal, accounts)

        for point, ended in zip(batch, portal.ended(*removals), strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"], point
            assert_whole(ended, sandbox)
