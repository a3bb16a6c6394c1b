"""`kill -9` of the worker before and after every AWS call of a launch and a delete.

One deployment a point, each in an account of its own: the sandbox holds the call (before it is carried
out, or after, with its answer kept back), and when all of a batch are held the one worker is killed. A new
worker and the leases do the rest, without a person.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deployments.core.phases import State
from deployments.models import Account, Deployment
from tests.chaos.conftest import assert_whole, root_stacks
from tests.running import Portal, new_account
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
BATCH = 16
OCCURRENCES = 2
"""How many of the calls that are made again and again (looking, uploading) are points of the walk."""

Point = tuple[str, str, int, str]


def calls_of(sandbox: Sandbox, account: Account, since: int = 0) -> list[dict[str, Any]]:
    answer = sandbox.control("GET", "calls", account=account.sandbox_account_id)
    assert isinstance(answer, dict)
    return [call for call in answer["calls"] if call["n"] > since]


def points_of(calls: list[dict[str, Any]]) -> list[Point]:
    """Return (service, action, how many of it to let pass first, before or after) for every call."""
    passed: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    for call in calls:
        name = call["service"], call["action"]
        if passed[name] < OCCURRENCES:
            points += [(*name, passed[name], when) for when in ("hold_before", "hold_after")]
        passed[name] += 1
    return points


def hold(portal: Portal, account: Account, point: Point) -> None:
    service, action, skip, mode = point
    # Held again and again: a tick that takes over after the lease must not slip through.
    fault = {"service": service, "action": action, "mode": mode, "skip": skip, "count": 100}
    portal.faults(account, fault)


def kill_when_all_are_held(portal: Portal, accounts: list[Account]) -> None:
    wanted = {account.sandbox_account_id for account in accounts}
    wait_until(
        lambda: wanted <= {request["account"] for request in portal.held()},
        seconds=60,
        what="every deployment of the batch at its point",
    )
    portal.worker.kill()
    portal.let_go()
    portal.start()


def batches(points: list[Point]) -> list[list[Point]]:
    return [points[i : i + BATCH] for i in range(0, len(points), BATCH)]


def test_a_launch_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.ended(control)
    points = points_of(calls_of(sandbox, control.environment.account))
    assert len(points) >= 30

    for batch in batches(points):
        accounts = [new_account() for _ in batch]
        for account, point in zip(accounts, batch, strict=True):
            hold(portal, account, point)
        deployments = [portal.deploy(account=account) for account in accounts]
        kill_when_all_are_held(portal, accounts)

        for point, ended in zip(batch, portal.ended(*deployments, seconds=60), strict=True):
            assert ended.state == State.SUCCEEDED, (point, ended.error_message)
            assert root_stacks(ended, sandbox) == ["CREATE_COMPLETE"], point
            assert_whole(ended, sandbox)


def test_a_delete_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    control = portal.deploy()
    portal.ended(control)
    before = len(calls_of(sandbox, control.environment.account))
    portal.ended(portal.remove(control))
    points = points_of(calls_of(sandbox, control.environment.account)[before:])
    assert len(points) >= 10

    for batch in batches(points):
        accounts = [new_account() for _ in batch]
        made = portal.ended(*[portal.deploy(account=account) for account in accounts])
        assert {deployment.state for deployment in made} == {State.SUCCEEDED}
        for account, point in zip(accounts, batch, strict=True):
            hold(portal, account, point)
        removals: list[Deployment] = [portal.remove(deployment) for deployment in made]
        kill_when_all_are_held(portal, accounts)

        for point, ended in zip(batch, portal.ended(*removals, seconds=60), strict=True):
            assert ended.state == State.SUCCEEDED, (point, ended.error_message)
            assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"], point
            assert_whole(ended, sandbox)
