"""`kill -9` of the worker before and after every AWS call of a creation or a deletion.

Each point has its own deployment in its own account. The sandbox holds the call (before executing it, or
after executing it and before responding), and when all calls of a batch are held, the worker is killed. A new
worker continues when the leases have expired. The points are the calls of the deployments' own steps; the
observers' calls are in `test_kill_observers`.

A call that only reads does not change AWS, so it makes no difference whether the worker dies before or after
it, or at the first such call or a later one: it is one point here, alternately before and after, and none in
most other walks, which try a sample of the points. In a part of `make test-all` every call is two
points in every walk.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests import parts
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    root_stacks,
    unobserved_account,
)
from tests.message_texts import reason
from tests.running import Portal
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
BATCH = 20
OCCURRENCES = 2
"""How many calls of each action become points, because polls and uploads are repeated many times."""
SAMPLE = 8
"""How many points the walks of other operations than creating, changing and deleting have."""
SERVICES = {"sts", "s3", "cloudformation", "resourcegroupstaggingapi"}
"""The services that a deployment of this set calls, including the search after a deletion."""
EVIDENCE = "cloudtrail"
"""The service that is searched after a failure: at its own times, also while the next operation runs."""
READS = ("AssumeRole", "Describe", "Get", "Head", "List")
"""Prefixes of the actions that change nothing."""
IS_WHOLE = parts.IS_PART


def points_of(calls: list[dict[str, Any]], *, with_reads: bool = False) -> list[Point]:
    """Return two points (before, after) for each of an action's first calls that change something.

    With `with_reads` the first call of each other action is a point as well.
    """
    assert {call["service"] for call in calls} <= SERVICES | {EVIDENCE}
    passed: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    for call in calls:
        name = call["service"], call["action"]
        if call["service"] == EVIDENCE:
            continue
        is_read = call["action"].startswith(READS) and not IS_WHOLE
        if is_read and with_reads and not passed[name]:
            points.append((*name, 0, ("hold_before", "hold_after")[len(points) % 2]))
        elif not is_read and passed[name] < OCCURRENCES:
            points += [(*name, passed[name], when) for when in ("hold_before", "hold_after")]
        passed[name] += 1
    return points


def sampled(points: list[Point], number: int = SAMPLE) -> list[Point]:
    """Return at most this number of points, spread over all; in a part of `make test-all` every point.

    The step is odd, so that points before and after a call alternate.
    """
    every = 1 if IS_WHOLE else -(-len(points) // number) // 2 * 2 + 1
    return points[::every]


def batches(points: list[Point]) -> list[list[Point]]:
    """Split the points into as few batches as possible, of about the same size."""
    count = -(-len(points) // BATCH)
    return [points[i::count] for i in range(count)]


def stop_observing(*deployments: Deployment) -> None:
    """Stop polling environments between deployments, because those calls do not belong to a deployment."""
    environments = Environment.objects.filter(pk__in=[one.environment_id for one in deployments])
    environments.update(due_at=timezone.now() + timedelta(hours=1))


def mark_deleted(*deployments: Deployment) -> None:
    """Mark environments as deleted, so that they are no longer observed."""
    environments = Environment.objects.filter(pk__in=[one.environment_id for one in deployments])
    environments.update(deleted_at=timezone.now())


def test_a_launch_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.wait_for_end(control)
    points = points_of(calls_of(sandbox, control.environment.account), with_reads=True)
    assert len({point[:3] for point in points}) >= 15

    for batch in batches(points):
        accounts: list[Account] = [unobserved_account() for _ in batch]
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        deployments = [portal.deploy(account=account) for account in accounts]
        kill_worker_when_all_calls_are_held(portal, accounts)

        for point, ended in zip(batch, portal.wait_for_end(*deployments), strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert (ended.protection, root_stacks(ended, sandbox)) == ("on", ["UPDATE_COMPLETE"]), point
            assert_complete_log(ended, sandbox)
        mark_deleted(*deployments)


def test_a_step_of_a_dead_worker_is_repeated_when_its_lease_expires(portal: Portal, sandbox: Sandbox) -> None:
    """Nothing else makes the row due; in the other walks the test ends the leases."""
    account = unobserved_account()
    hold_call(portal, account, ("cloudformation", "CreateChangeSet", 0, "hold_after"))
    deployment = portal.deploy(account=account)
    wait_until(lambda: bool(portal.held()), what="a held call")
    portal.worker.kill()
    held = Deployment.objects.get(pk=deployment.pk)
    assert held.due_at is not None
    portal.release_held_calls()
    portal.start()

    later = Deployment.objects.filter(pk=deployment.pk, version__gt=held.version)
    wait_until(later.exists, what="another step")
    assert timezone.now() >= held.due_at
    (ended,) = portal.wait_for_end(deployment)
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert root_stacks(ended, sandbox) == ["UPDATE_COMPLETE"]


def wait_for_search(deployments: list[Deployment]) -> None:
    """Wait until every service has been searched for remaining resources."""
    rows = Deployment.objects.filter(pk__in=[one.pk for one in deployments])
    wait_until(lambda: {row.remaining.get("search") for row in rows.all()} == {"done"}, what="the searches")


def test_a_delete_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.wait_for_end(control)
    stop_observing(control)
    before = len(calls_of(sandbox, control.environment.account))
    wait_for_search(portal.wait_for_end(portal.remove(control)))
    points = points_of(calls_of(sandbox, control.environment.account, since=before), with_reads=True)
    assert len({point[:3] for point in points}) >= 5

    for batch in batches(points):
        accounts = [unobserved_account() for _ in batch]
        made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
        assert {deployment.state for deployment in made} == {State.SUCCEEDED}
        stop_observing(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        removals: list[Deployment] = [portal.remove(deployment) for deployment in made]
        kill_worker_when_all_calls_are_held(portal, accounts)

        ends = portal.wait_for_end(*removals)
        wait_for_search(ends)
        for point, ended in zip(batch, ends, strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"], point
            assert_complete_log(ended, sandbox)
