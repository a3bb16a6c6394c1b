"""Deployments while AWS throttles, fails and loses responses, or Redis, the database or a worker is down."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from tests.chaos.conftest import assert_complete_log, root_stacks
from tests.mariadb import MariaDB
from tests.message_texts import reason
from tests.running import Portal, client, delete_outside, new_account
from tests.services import LIMIT, Redis, Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

MUTATIONS = [
    ("s3", "CreateBucket"),
    ("s3", "PutObject"),
    ("cloudformation", "CreateChangeSet"),
    ("cloudformation", "ExecuteChangeSet"),
    ("cloudformation", "UpdateTerminationProtection"),
    ("cloudformation", "UpdateStack"),
    ("cloudformation", "DeleteStack"),
]
MODES = ["error_before", "error_after", "timeout", "throttle"]


def test_errors_lost_responses_and_throttling_do_not_change_the_result(
    portal: Portal, sandbox: Sandbox
) -> None:
    """Every mutating call of a creation and a deletion fails three times in each mode."""
    deployments = []
    for service, action in MUTATIONS:
        for mode in MODES:
            account = new_account()
            fault = {"service": service, "action": action, "mode": mode, "count": 3}
            portal.faults(account, fault)
            deployments.append(portal.deploy(account=account))

    launched = portal.wait_for_end(*deployments, seconds=3 * LIMIT)
    assert {(d.state, reason(d)) for d in launched} == {(State.SUCCEEDED, "")}
    removed = portal.wait_for_end(*[portal.remove(d) for d in launched], seconds=3 * LIMIT)
    assert {(d.state, reason(d)) for d in removed} == {(State.SUCCEEDED, "")}
    for ended in (*launched, *removed):
        assert root_stacks(ended, sandbox) == ["DELETE_COMPLETE"]
        assert_numbered(ended, sandbox)


def assert_numbered(deployment: Deployment, sandbox: Sandbox) -> None:
    """Assert that the events are numbered without gaps.

    They are not compared with those in AWS: its stacks have the events of the deletion as well by now.
    """
    numbers = list(Event.objects.of(deployment).values_list("seq", flat=True))
    assert len(numbers) >= deployment.last_seq  # the search for remaining resources adds one after the end
    assert numbers == list(range(1, len(numbers) + 1))


def test_nothing_is_lost_when_redis_is_flushed_repeatedly(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    deployments = [portal.deploy() for _ in range(4)]

    def flush_and_check() -> bool:
        redis_server.flush()
        return not Deployment.objects.active().exists()

    wait_until(flush_and_check, what="the end of all deployments")
    for ended in portal.wait_for_end(*deployments):
        assert ended.state == State.SUCCEEDED
        assert_complete_log(ended, sandbox)


def test_a_deployment_survives_the_death_of_redis(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    deployment = portal.deploy()
    wait_until(lambda: Event.objects.of(deployment).count() > 2, what="the first steps")
    redis_server.kill()
    wait_until(lambda: not redis_server.is_running(), what="the death of Redis")
    redis_server.start()
    if not portal.worker.is_running():  # a busy worker with threads may exit when Redis goes down
        portal.start()

    def has_ended() -> bool:
        if not portal.worker.is_running():
            portal.start()
        return not Deployment.objects.active().exists()

    wait_until(has_ended, what="the end of the deployment")
    (ended,) = portal.wait_for_end(deployment)
    assert ended.state == State.SUCCEEDED
    assert_complete_log(ended, sandbox)


def test_a_deployment_requested_while_worker_and_redis_are_down_runs_when_they_are_up(
    portal: Portal, sandbox: Sandbox, redis_server: Redis
) -> None:
    portal.worker.kill()
    redis_server.kill()

    deployment = portal.deploy()
    assert Deployment.objects.active().filter(pk=deployment.pk).exists()

    redis_server.start()
    portal.start()
    assert portal.wait_for_end(deployment)[0].state == State.SUCCEEDED


def test_a_deployment_survives_a_restart_of_the_database(
    portal: Portal, sandbox: Sandbox, mariadb_server: MariaDB
) -> None:
    deployment = portal.deploy()
    wait_until(lambda: Event.objects.of(deployment).count() > 2, what="the first steps")
    connection.close()
    mariadb_server.kill()
    mariadb_server.start()

    (ended,) = portal.wait_for_end(deployment)
    assert ended.state == State.SUCCEEDED
    assert_complete_log(ended, sandbox)


def test_a_stack_that_is_deleted_outside_of_sanso_during_its_creation_fails_the_deployment(
    portal: Portal, sandbox: Sandbox
) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": 1}, account=account.sandbox_account_id)
    deployment = portal.deploy(account=account)
    wait_until(lambda: Event.objects.of(deployment).filter(code="stacks.started").exists(), what="the stacks")
    delete_outside(deployment, sandbox)

    (ended,) = portal.wait_for_end(deployment)
    assert ended.state == State.FAILED
    assert "outside of Sanso" in reason(ended)


def test_a_stack_that_is_deleted_outside_of_sanso_later_is_reported_as_missing(
    portal: Portal, sandbox: Sandbox
) -> None:
    deployment = portal.deploy()
    portal.wait_for_end(deployment)
    delete_outside(deployment, sandbox)

    def seen() -> bool:
        Environment.objects.filter(pk=deployment.environment_id).update(due_at=timezone.now())
        return Environment.objects.exclude(missing_since=None).exists()

    wait_until(seen, what="the missing stack on the environment's row")


def test_a_denied_action_is_named_and_leaves_nothing_behind(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account()
    fault = {"service": "cloudformation", "action": "CreateChangeSet", "mode": "denied", "count": 1}
    portal.faults(account, fault)

    (ended,) = portal.wait_for_end(portal.deploy(account=account))

    assert ended.state == State.FAILED
    assert "Allow cloudformation:CreateChangeSet for the role" in reason(ended)
    (again,) = portal.wait_for_end(portal.deploy(account=account))
    assert again.state == State.SUCCEEDED


def test_a_bucket_of_another_account_fails_the_deployment(portal: Portal, sandbox: Sandbox) -> None:
    theirs, ours = new_account(), new_account()
    client(theirs, "s3", sandbox).create_bucket(
        Bucket="taken-by-them", CreateBucketConfiguration={"LocationConstraint": theirs.region}
    )
    ours.artifact_bucket = "taken-by-them"
    ours.save()

    (ended,) = portal.wait_for_end(portal.deploy(account=ours))

    assert ended.error_code == "BucketOwnedByAnother"
