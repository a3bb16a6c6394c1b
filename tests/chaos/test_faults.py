"""AWS that throttles, breaks and loses answers; Redis emptied, killed and away; a worker that is gone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from deployments.core.phases import State
from deployments.models import Deployment, Environment, Event
from tests.chaos.conftest import assert_whole, root_stacks
from tests.running import Portal, client, new_account
from tests.services import LIMIT, MariaDB, Redis, Sandbox, wait_until
from tests.wordings import reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

MUTATIONS = [
    ("s3", "CreateBucket"),
    ("s3", "PutObject"),
    ("cloudformation", "CreateChangeSet"),
    ("cloudformation", "ExecuteChangeSet"),
    ("cloudformation", "DeleteStack"),
]
MODES = ["error_before", "error_after", "timeout", "throttle"]


def test_errors_lost_answers_and_throttling_never_change_an_outcome(portal: Portal, sandbox: Sandbox) -> None:
    """Each mutating call of a launch and a delete fails three times in each manner, all at once."""
    deployments = []
    for service, action in MUTATIONS:
        for mode in MODES:
            account = new_account()
            fault = {"service": service, "action": action, "mode": mode, "count": 3}
            portal.faults(account, fault)
            deployments.append(portal.deploy(account=account))

    launched = portal.ended(*deployments, seconds=3 * LIMIT)
    assert {(d.state, reason(d)) for d in launched} == {(State.SUCCEEDED, "")}
    removed = portal.ended(*[portal.remove(d) for d in launched], seconds=3 * LIMIT)
    assert {(d.state, reason(d)) for d in removed} == {(State.SUCCEEDED, "")}
    for ended in (*launched, *removed):
        assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"]
        assert_whole_or_gone(ended, sandbox)


def assert_whole_or_gone(deployment: Deployment, sandbox: Sandbox) -> None:
    """A create's stacks have a delete's events as well by now; the numbers are what is compared."""
    numbers = list(Event.objects.of(deployment).values_list("seq", flat=True))
    assert numbers == list(range(1, deployment.last_seq + 1))


def test_redis_emptied_again_and_again_loses_nothing(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    deployments = [portal.deploy() for _ in range(4)]

    def empty_and_look() -> bool:
        redis_server.flush()
        return not Deployment.objects.active().exists()

    wait_until(empty_and_look, what="the end of all deployments")
    for ended in portal.ended(*deployments):
        assert ended.state == State.SUCCEEDED
        assert_whole(ended, sandbox)


def test_redis_killed_in_the_middle_delays_a_deployment_and_no_more(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    deployment = portal.deploy()
    wait_until(lambda: Event.objects.of(deployment).count() > 2, what="the first steps")
    redis_server.kill()
    wait_until(lambda: not redis_server.is_running(), what="the death of Redis")
    redis_server.start()
    if not portal.worker.is_running():  # a busy worker of threads may end when Redis goes; see SUPERVISOR
        portal.start()

    def worker_lives() -> bool:
        if not portal.worker.is_running():
            portal.start()
        return not Deployment.objects.active().exists()

    wait_until(worker_lives, what="the end of the deployment")
    (ended,) = portal.ended(deployment)
    assert ended.state == State.SUCCEEDED
    assert_whole(ended, sandbox)


def test_a_deployment_asked_for_while_worker_and_redis_are_down_is_done_when_they_are_back(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    portal.worker.kill()
    redis_server.kill()

    deployment = portal.deploy()
    assert Deployment.objects.active().filter(pk=deployment.pk).exists()

    redis_server.start()
    portal.start()
    assert portal.ended(deployment)[0].state == State.SUCCEEDED


def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    portal: Portal, sandbox: Sandbox, mariadb_server: MariaDB
) -> None:
    deployment = portal.deploy()
    wait_until(lambda: Event.objects.of(deployment).count() > 2, what="the first steps")
    connection.close()
    mariadb_server.kill()
    mariadb_server.start()

    (ended,) = portal.ended(deployment)
    assert ended.state == State.SUCCEEDED
    assert_whole(ended, sandbox)


def test_a_stack_deleted_behind_our_back_while_it_is_made_is_told(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": 1}, account=account.sandbox_account_id)
    deployment = portal.deploy(account=account)
    wait_until(lambda: Event.objects.of(deployment).filter(code="stacks.started").exists(), what="the stacks")
    client(account, "cloudformation", sandbox).delete_stack(StackName=deployment.environment.stack_name)

    (ended,) = portal.ended(deployment)
    assert ended.state == State.FAILED
    assert "outside of Sanso" in reason(ended)


def test_a_stack_deleted_behind_our_back_later_is_seen(portal: Portal, sandbox: Sandbox) -> None:
    deployment = portal.deploy()
    portal.ended(deployment)
    account = deployment.environment.account
    client(account, "cloudformation", sandbox).delete_stack(StackName=deployment.environment.stack_name)

    def seen() -> bool:
        Environment.objects.filter(pk=deployment.environment_id).update(due_at=timezone.now())
        return Environment.objects.exclude(missing_since=None).exists()

    wait_until(seen, what="the missing stack on the environment's row")


def test_a_denied_action_is_told_with_the_action_and_leaves_nothing(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account()
    fault = {"service": "cloudformation", "action": "CreateChangeSet", "mode": "denied", "count": 1}
    portal.faults(account, fault)

    (ended,) = portal.ended(portal.deploy(account=account))

    assert ended.state == State.FAILED
    assert "Allow cloudformation:CreateChangeSet for the role" in reason(ended)
    (again,) = portal.ended(portal.deploy(account=account))
    assert again.state == State.SUCCEEDED


def test_a_bucket_of_another_account_is_told(portal: Portal, sandbox: Sandbox) -> None:
    theirs, ours = new_account(), new_account()
    client(theirs, "s3", sandbox).create_bucket(
        Bucket="taken-by-them", CreateBucketConfiguration={"LocationConstraint": theirs.region}
    )
    ours.artifact_bucket = "taken-by-them"
    ours.save()

    (ended,) = portal.ended(portal.deploy(account=ours))

    assert ended.error_code == "BucketOwnedByAnother"
