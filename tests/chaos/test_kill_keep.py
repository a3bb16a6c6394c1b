"""`kill -9` of the worker before and after every AWS call of a retry or a rollback after a failure.

As in `test_kill_change`, each point has its own environment in its own account.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.recovery.commands.recovering import request_stack_rollback
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    replace_worker,
    unobserved_account,
)
from tests.chaos.test_kill_change import INNER, ROOT, applied, apply_shown, change, display_name, operator
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing
from tests.message_texts import reason
from tests.running import Portal
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]
Begin = Callable[[Deployment], Deployment]


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def broken(sandbox: Sandbox, accounts: list[Account], logical_id: str) -> None:
    """Make a resource fail in these accounts."""
    for account in accounts:
        faults = {"resources": {logical_id: "no room"}}
        sandbox.control("POST", "faults", faults, account=account.sandbox_account_id)


def healed(sandbox: Sandbox, accounts: list[Account]) -> None:
    for account in accounts:
        sandbox.control("DELETE", "faults", account=account.sandbox_account_id)


def kept(deployments: list[Deployment], status: str) -> list[Deployment]:
    """Return the deployments, which failed and were kept, once nothing is working on them."""
    assert {one.state for one in deployments} == {State.FAILED}
    assert {one.environment.stack_status for one in deployments} == {status}
    stop_observing(*deployments)
    keys = [one.environment_id for one in deployments]
    searching = ActionRequest.objects.filter(environment__in=keys).exclude(active_key=None)
    wait_until(lambda: not searching.exists(), seconds=120, what="the end of the search for what remains")
    return deployments


def kept_creations(portal: Portal, sandbox: Sandbox, accounts: list[Account]) -> list[Deployment]:
    broken(sandbox, accounts, "Named")
    asked = [portal.deploy_kept(account) for account in accounts]
    ended = kept(portal.wait_for_end(*asked, seconds=180), "CREATE_FAILED")
    healed(sandbox, accounts)
    return ended


def kept_updates(portal: Portal, sandbox: Sandbox, accounts: list[Account]) -> list[Deployment]:
    made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts], seconds=180)
    assert {one.state for one in made} == {State.SUCCEEDED}
    broken(sandbox, accounts, "update:Named")
    changes = [change(one, Title="second") for one in made]
    ended = kept(applied(portal, *changes, keep=True), "UPDATE_FAILED")
    healed(sandbox, accounts)
    return ended


def rolled_back(failed: Deployment) -> Deployment:
    environment = Environment.objects.for_page().get(pk=failed.environment_id)
    return request_stack_rollback(
        user=operator(), environment=environment, reason="", request_key=uuid.uuid4()
    )


def retried(failed: Deployment) -> Deployment:
    return change(failed, Title="second", is_retry=True)


def walk(
    portal: Portal,
    sandbox: Sandbox,
    prepared: Callable[[Portal, Sandbox, list[Account]], list[Deployment]],
    begin: Begin,
    has_ended_well: Callable[[Deployment], None],
) -> None:
    """Kill the worker at every call of the operation that `begin` requests for failed deployments."""
    (control,) = prepared(portal, sandbox, [unobserved_account()])
    before = len(calls_of(sandbox, control.environment.account))
    (ended,) = applied(portal, begin(control))
    points: list[Point] = points_of(calls_of(sandbox, control.environment.account, since=before))
    has_ended_well(ended)
    assert points  # calls that change something

    for batch in batches(sampled(points)):
        accounts: list[Account] = [unobserved_account() for _ in batch]
        failed = prepared(portal, sandbox, accounts)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        begun = [begin(one) for one in failed]
        wanted = {account.sandbox_account_id for account in accounts}

        def are_held(wanted: set[str] = wanted, begun: list[Deployment] = begun) -> bool:
            apply_shown(begun)
            return wanted <= {request["account"] for request in portal.held()}

        wait_until(are_held, seconds=180, what="a held call of every account")
        replace_worker(portal)

        for point, one in zip(batch, applied(portal, *begun), strict=True):
            assert one.state == State.SUCCEEDED, (point, reason(one))
            has_ended_well(one)
            assert_complete_log(one, sandbox)


def test_a_retry_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    def has_ended_well(ended: Deployment) -> None:
        assert (ended.state, ended.is_retry, ended.revision) == (State.SUCCEEDED, True, 0), reason(ended)
        assert display_name(ended, "Topic", sandbox) == "second"
        assert Environment.objects.get(pk=ended.environment_id).stack_status == "UPDATE_COMPLETE"

    walk(portal, sandbox, kept_creations, retried, has_ended_well)


def test_a_rollback_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    def has_ended_well(ended: Deployment) -> None:
        assert (ended.state, ended.kind) == (State.SUCCEEDED, Kind.ROLLBACK_UPDATE), reason(ended)
        assert display_name(ended, "Topic", sandbox) == "first"
        assert Event.objects.of(ended).filter(code="kept.rollback_started").count() == 1
        assert Environment.objects.get(pk=ended.environment_id).stack_status == "UPDATE_ROLLBACK_COMPLETE"

    walk(portal, sandbox, kept_updates, rolled_back, has_ended_well)


def test_a_rollback_of_a_creation_survives_the_death_of_its_worker_at_every_call(
    portal: Portal, sandbox: Sandbox
) -> None:
    def has_ended_well(ended: Deployment) -> None:
        assert (ended.state, ended.kind) == (State.SUCCEEDED, Kind.ROLLBACK_CREATION), reason(ended)
        assert Environment.objects.get(pk=ended.environment_id).stack_status == "ROLLBACK_COMPLETE"

    walk(portal, sandbox, kept_creations, rolled_back, has_ended_well)
