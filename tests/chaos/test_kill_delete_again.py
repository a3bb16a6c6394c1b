"""A failed deletion that is continued without a resource, or forced.

In a portal of real processes, and with `kill -9` of the worker before and after every AWS call.
"""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.delete import request_deletion_again
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE
from tests.builders import allow, make_user
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_recovery import INNER, ROOT, environment_of, fail, observe_now, stuck
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def delete_again(
    environment: Environment, *retain: str, user: User | None = None, force: bool = False
) -> Deployment:
    return request_deletion_again(
        user=user or remover(),
        environment=environment,
        resources=retain,
        typed_name=environment.name,
        unprotect=True,
        force=force,
        reason="",
        request_key=uuid.uuid4(),
    )


def remover(*more: str) -> User:
    """Return a user with the permission to delete environments and the given permissions."""
    user = make_user(f"remover-{uuid.uuid4().hex[:8]}")
    for codename in ("delete_environment", *more):
        allow(user, codename)
    return User.objects.get(pk=user.pk)


def remove_badly(portal: Portal, sandbox: Sandbox, *created: Deployment) -> list[Deployment]:
    """Delete environments so that the deletion of a resource of the nested stack fails."""
    for one in created:
        fail(sandbox, one.environment.account, **{"delete:Named": "it is busy"})
    ended = portal.wait_for_end(*[portal.remove(one) for one in created])
    assert {one.state for one in ended} == {State.FAILED}
    assert {environment_of(one).stack_status for one in ended} == {"DELETE_FAILED"}
    return ended


def test_a_failed_deletion_goes_on_without_what_is_left_in_aws(portal: Portal, sandbox: Sandbox) -> None:
    (created,) = portal.wait_for_end(portal.deploy())
    (failed,) = remove_badly(portal, sandbox, created)
    found = stuck(failed)
    assert [one.key for one in found.stuck_resources or ()] == ["Inner/Named"]

    (again,) = portal.wait_for_end(delete_again(found))  # the cause is still there
    assert again.state == State.FAILED, reason(again)
    assert "it is busy" in reason(again)

    (ended,) = portal.wait_for_end(delete_again(stuck(again), "Inner/Named"))
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"]
    assert environment_of(ended).deleted_at
    assert topics(ended, sandbox) == 1


def test_a_forced_deletion_leaves_what_resists_and_needs_its_permission(
    portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(portal.deploy())
    (failed,) = remove_badly(portal, sandbox, created)
    found = stuck(failed)
    with pytest.raises(PermissionDenied, match="force_delete"):
        delete_again(found, force=True)

    (ended,) = portal.wait_for_end(delete_again(found, user=remover("force_delete"), force=True))
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"]


@pytest.mark.parametrize("force", [False, True], ids=["retaining", "forced"])
def test_a_deletion_after_a_failed_one_survives_the_death_of_its_worker_at_every_call(
    portal: Portal, sandbox: Sandbox, *, force: bool
) -> None:
    retain = () if force else ("Inner/Named",)
    user = remover("force_delete")
    (control,) = portal.wait_for_end(portal.deploy())
    found = stuck(remove_badly(portal, sandbox, control)[0])
    stop_observing(control)
    before = len(calls_of(sandbox, control.environment.account))
    (ended,) = portal.wait_for_end(delete_again(found, *retain, user=user, force=force))
    assert ended.state == State.SUCCEEDED, reason(ended)
    points: list[Point] = points_of(calls_of(sandbox, control.environment.account, since=before))
    assert ("cloudformation", "DeleteStack", 0, "hold_after") in points
    once, kept = deletions(ended), topics(ended, sandbox)

    for batch in batches(sampled(points)):
        accounts = [unobserved_account() for _ in batch]
        made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
        remaining = remove_badly(portal, sandbox, *made)
        observe_now(*remaining)
        ways = [stuck(one) for one in remaining]
        stop_observing(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        requested = [delete_again(one, *retain, user=user, force=force) for one in ways]
        kill_worker_when_all_calls_are_held(portal, accounts)

        for point, one in zip(batch, portal.wait_for_end(*requested, seconds=180), strict=True):
            assert one.state == State.SUCCEEDED, (point, reason(one))
            assert root_stacks(one, sandbox) == ["DELETE_COMPLETE"], point
            assert deletions(one) == once, point
            assert topics(one, sandbox) == kept, point
            assert_complete_log(one, sandbox)


def topics(deployment: Deployment, sandbox: Sandbox) -> int:
    """Return the number of topics that are left in AWS."""
    sns = client(deployment.environment.account, "sns", sandbox)
    return len(sns.list_topics()["Topics"])


def deletions(deployment: Deployment) -> list[str]:
    """Return the stack path of each event that reports the start of a stack's deletion."""
    rows = Event.objects.of(deployment).filter(status="DELETE_IN_PROGRESS", type=STACK_TYPE)
    return sorted(row.stack.path for row in rows if row.stack)
