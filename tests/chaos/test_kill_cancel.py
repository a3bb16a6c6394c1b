"""`kill -9` of the worker before and after every AWS call that cancels a creation or an update.

As in `test_kill_worker`, each point has its own environment in its own account. A slow time scale keeps the
stacks in flight until the worker is dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.cancel import effect_of, request_cancel
from deployments.stacks.models.stacks import Resource
from tests.builders import make_user
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    replace_worker,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_change import INNER, ROOT, apply_shown, change, display_name
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing, wait_for_search
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
SLOWLY, MODERATE, AT_ONCE = 200.0, 4.0, 0.0
"""Time scales of the sandbox; with the first, a topic takes minutes."""
AtTheEnd = Callable[[Deployment], None]


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


class Pace:
    """The time scale of each account: slow while its stacks are in flight, 0 once canceling is accepted."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.known: dict[str, float] = {}

    def set(self, account: Account, scale: float) -> None:
        key = account.sandbox_account_id
        if self.known.get(key) != scale:
            self.sandbox.control("POST", "pace", {"pace": scale}, account=key)
            self.known[key] = scale

    def slow_in_stacks(self, deployments: Sequence[Deployment]) -> None:
        for row in rows_of(deployments).filter(state=str(State.STACKS)):
            self.set(row.environment.account, SLOWLY)

    def quick_when_stopping(self, deployments: Sequence[Deployment]) -> None:
        for row in rows_of(deployments).exclude(cancel_accepted_at=None):
            self.set(row.environment.account, AT_ONCE)


def rows_of(deployments: Sequence[Deployment]) -> Any:
    return Deployment.objects.for_page().filter(pk__in=[one.pk for one in deployments])


def are_in_flight(deployments: Sequence[Deployment]) -> bool:
    """Return whether CloudFormation is working on a resource of every deployment."""
    working = Resource.objects.filter(status__in=["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
    keys = [one.pk for one in deployments]
    found = working.filter(stack__deployment__in=keys).values("stack__deployment").distinct()
    return bool(found.count() == len(keys))


def creations_in_flight(portal: Portal, pace: Pace, accounts: Sequence[Account]) -> list[Deployment]:
    for account in accounts:
        pace.set(account, MODERATE)
    made = [portal.deploy(account=account) for account in accounts]

    def in_flight() -> bool:
        pace.slow_in_stacks(made)
        return are_in_flight(made)

    wait_until(in_flight, seconds=180, what="creations in flight")
    return made


def updates_in_flight(portal: Portal, pace: Pace, accounts: Sequence[Account]) -> list[Deployment]:
    for account in accounts:
        pace.set(account, AT_ONCE)
    made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts], seconds=180)
    assert {one.state for one in made} == {State.SUCCEEDED}
    stop_observing(*made)
    changes = [change(one, Title="second") for one in made]
    shown = rows_of(changes).filter(state=str(State.PREVIEW))
    wait_until(lambda: shown.count() == len(changes), seconds=180, what="the previews")
    for account in accounts:
        pace.set(account, SLOWLY)
    apply_shown(changes)
    wait_until(lambda: are_in_flight(changes), seconds=180, what="updates in flight")
    return changes


def cancel(deployments: Sequence[Deployment]) -> None:
    user = User.objects.filter(username="boss").first() or make_user("boss", is_superuser=True)
    for row in rows_of(deployments):
        request_cancel(user=user, deployment=row, effect=str(effect_of(row)))


def ended(portal: Portal, pace: Pace, deployments: Sequence[Deployment]) -> list[Deployment]:
    """Wait until the canceled deployments have ended, and return them."""
    active = Deployment.objects.active().filter(pk__in=[one.pk for one in deployments])

    def have_ended() -> bool:
        pace.quick_when_stopping(deployments)
        return not active.exists()

    wait_until(have_ended, seconds=180, what="the end of the canceled deployments")
    return portal.wait_for_end(*deployments)


def kill_at_held_calls(portal: Portal, pace: Pace, deployments: Sequence[Deployment]) -> set[str]:
    """Kill the worker when a call of every deployment is held, and start another one.

    The number of polls varies: a deployment that never makes the call to be held ends without one. Return
    the accounts whose calls were held.
    """
    wanted = {row.pk: row.environment.account.sandbox_account_id for row in deployments}
    ended = rows_of(deployments).exclude(ended_at=None).exclude(remaining__search="pending")
    held: set[str] = set()

    def are_held() -> bool:
        pace.quick_when_stopping(deployments)
        held.update(request["account"] for request in portal.held())
        done = {wanted[pk] for pk in ended.values_list("pk", flat=True)}
        return set(wanted.values()) <= held | done

    wait_until(are_held, seconds=180, what="a held call of every account")
    replace_worker(portal)
    return held


def turns(deployment: Deployment, status: str, sandbox: Sandbox) -> int:
    """Return how many of the root stack's own events in AWS have this status."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=deployment.stack_id)
    events = [event for page in pages for event in page["StackEvents"]]
    own = [event for event in events if event["PhysicalResourceId"] == event["StackId"]]
    return [event["ResourceStatus"] for event in own].count(status)


InFlight = Callable[[Portal, Pace, Sequence[Account]], list[Deployment]]


def walk(portal: Portal, sandbox: Sandbox, in_flight: InFlight, action: str, at_the_end: AtTheEnd) -> None:
    """Kill the worker at every call of a control run's cancellation, and assert the same result each time.

    `action` is the call that stops the operation.
    """
    pace = Pace(sandbox)
    (control,) = in_flight(portal, pace, [unobserved_account()])
    before = len(calls_of(sandbox, control.environment.account))
    cancel([control])
    (canceled,) = ended(portal, pace, [control])
    if canceled.remaining:
        wait_for_search([canceled])
    points: list[Point] = points_of(calls_of(sandbox, control.environment.account, since=before))
    at_the_end(canceled)
    assert {"CancelUpdateStack", "DeleteStack"} & {action for _, action, _, _ in points}
    reached: list[Point] = []

    for batch in batches(sampled(points)):
        accounts = [unobserved_account() for _ in batch]
        deployments = in_flight(portal, pace, accounts)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        cancel(deployments)
        held = kill_at_held_calls(portal, pace, deployments)
        reached += [
            point
            for account, point in zip(accounts, batch, strict=True)
            if account.sandbox_account_id in held
        ]
        for point, found in zip(batch, ended(portal, pace, deployments), strict=True):
            assert found.error_code == "", (point, reason(found))
            at_the_end(found)
    stopping = [("cloudformation", action, 0, when) for when in ("hold_before", "hold_after")]
    assert set(stopping) <= set(reached)
    assert len(reached) >= len(sampled(points)) / 2


def test_a_canceled_creation_is_deleted_once_whenever_its_worker_dies(
    portal: Portal, sandbox: Sandbox
) -> None:
    def is_deleted(found: Deployment) -> None:
        assert found.state == State.CANCELED, reason(found)
        wait_for_search([found])
        assert root_stacks(found, sandbox) == ["DELETE_COMPLETE"]
        assert turns(found, "DELETE_IN_PROGRESS", sandbox) == 1
        assert Environment.objects.get(pk=found.environment_id).deleted_at
        assert_complete_log(found, sandbox)

    walk(portal, sandbox, creations_in_flight, "DeleteStack", is_deleted)


def test_a_canceled_update_is_rolled_back_once_whenever_its_worker_dies(
    portal: Portal, sandbox: Sandbox
) -> None:
    def is_rolled_back(found: Deployment) -> None:
        assert (found.state, found.was_canceled) == (State.ROLLED_BACK, True), reason(found)
        assert root_stacks(found, sandbox) == ["UPDATE_ROLLBACK_COMPLETE"]
        assert turns(found, "UPDATE_ROLLBACK_IN_PROGRESS", sandbox) == 1
        assert display_name(found, "Topic", sandbox) == "first"
        assert_complete_log(found, sandbox)

    walk(portal, sandbox, updates_in_flight, "CancelUpdateStack", is_rolled_back)
