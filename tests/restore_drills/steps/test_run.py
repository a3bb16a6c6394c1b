"""A drill ends with a result and without its stack, whatever happens to the worker or to AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.common.errors import AwsAccessError, AwsRejected
from deployments.common.texts import stored_text
from deployments.environments.models.environments import Environment
from deployments.restore_drills.models import DELETING, FINISHED
from tests.fakes import FakeAws
from tests.restore_drills.drilled import (
    NOW,
    aws,
    environment,
    is_gone,
    requested,
    run_all,
    run_step,
    stacks_of_drills,
)

pytestmark = pytest.mark.django_db
__all__ = ["aws", "environment"]
CREATE, EXECUTE = "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"
DELETE = "cloudformation:DeleteStack"


class Killed(BaseException):
    """The end of a process that handles nothing."""


def test_a_drill_restores_the_last_second_and_deletes_its_stack(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)

    drill = run_all(aws)

    assert drill.result == "passed", stored_text(drill.sentence)
    (stack,) = stacks_of_drills(aws)
    assert stack.parameters["RestoreTime"] == "2026-12-02T11:59:59Z"
    assert stack.parameters["Vpc"] == "vpc-1"
    assert stack.tags["sanso:environment"] != str(environment.key)
    assert is_gone(aws)
    assert drill.active_key is None


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("operation", [CREATE, EXECUTE, DELETE])
def test_a_worker_that_is_killed_around_a_call_leaves_nothing(
    aws: FakeAws, environment: Environment, operation: str, after: bool
) -> None:
    requested(environment)
    aws.fail(operation, Killed(), after=after)  # type: ignore[arg-type]  # no exception that code handles
    with pytest.raises(Killed):
        run_all(aws)

    drill = run_all(aws)

    assert drill.result == "passed", stored_text(drill.sentence)
    assert len(stacks_of_drills(aws)) == 1
    assert is_gone(aws)


def test_a_refused_creation_fails_the_drill_and_leaves_nothing(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)
    aws.fail(EXECUTE, AwsAccessError("AccessDenied", "not authorized", EXECUTE))

    drill = run_all(aws)

    assert drill.result == "failed"
    assert "AWS denied" in stored_text(drill.sentence)
    assert is_gone(aws)


def test_a_refused_deletion_is_named_and_repeated_until_the_stack_is_gone(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)
    aws.fail(DELETE, *[AwsRejected("ValidationError", "in use", DELETE)] * 8)
    while not (drill := run_step(aws)).attention:
        pass
    assert (drill.state, drill.result) == (DELETING, "passed")
    assert requested(environment) == drill

    drill = run_all(aws)

    assert (drill.result, drill.attention) == ("passed", {})
    assert is_gone(aws)


def test_a_failed_deletion_is_begun_again(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    while run_step(aws).state != DELETING:
        pass
    (stack,) = stacks_of_drills(aws)
    stack.status = "DELETE_FAILED"

    drill = run_step(aws)

    assert "Sanso tries again" in stored_text(drill.attention)
    assert aws.calls[-1] == DELETE
    stack.status = "DELETE_COMPLETE"
    assert run_step(aws).state == FINISHED


def test_without_a_restorable_time_the_newest_snapshot_is_restored(
    aws: FakeAws, environment: Environment
) -> None:
    aws.db_clusters["staging-db"] = replace(aws.db_clusters["staging-db"], latest_restorable_at=None)
    for name, hours in (("sanso-old", 2), ("sanso-new", 1)):
        aws.create_cluster_snapshot("staging-db", name, {})
        aws.db_snapshots[name] = replace(
            aws.db_snapshots[name], status="available", created_at=NOW - timedelta(hours=hours)
        )
    requested(environment)

    drill = run_all(aws)

    assert (drill.result, drill.snapshot_id) == ("passed", "sanso-new")
    assert stacks_of_drills(aws)[0].parameters["Snapshot"] == "sanso-new"


def test_a_database_without_backups_fails_the_drill(aws: FakeAws, environment: Environment) -> None:
    aws.db_clusters["staging-db"] = replace(aws.db_clusters["staging-db"], latest_restorable_at=None)
    requested(environment)

    drill = run_all(aws)

    assert drill.result == "failed"
    assert "RDS has no point in time" in stored_text(drill.sentence)
    assert stacks_of_drills(aws) == []
