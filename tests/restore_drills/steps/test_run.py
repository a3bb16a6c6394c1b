"""A drill ends with a result and without its stack, whatever happens to the worker or to AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from deployments.aws.rds import Cluster
from deployments.common.errors import AwsAccessError, AwsRejected
from deployments.common.models import leases
from deployments.common.texts import stored_text
from deployments.environments.models.environments import Environment
from deployments.restore_drills.commands import request_drill
from deployments.restore_drills.models import DELETING, FINISHED, RestoreDrill
from deployments.restore_drills.steps import run
from deployments.stacks.models.stacks import Stack
from tests.builders import make_resource
from tests.fakes import FakeAws, FakeStack
from tests.health.steps.observed.environments import make_observed_environment, poll

pytestmark = pytest.mark.django_db
CREATE, EXECUTE = "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"
DELETE = "cloudformation:DeleteStack"
NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)


class Killed(BaseException):
    """The end of a process that handles nothing."""


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    environment = make_observed_environment(aws)
    poll(aws)
    stack = Stack.objects.known_of(environment).first()
    assert stack
    make_resource(stack, "OnlyVpc", type="AWS::EC2::VPC", physical_id="vpc-1", status="CREATE_COMPLETE")
    aws.db_clusters["staging-db"] = replace(
        aws.db_clusters["staging-db"],
        engine="aurora-mysql",
        subnet_group="sanso-subnets",
        earliest_restorable_at=NOW - timedelta(days=1),
        latest_restorable_at=NOW,
    )
    aws.calls.clear()
    return environment


def stacks_of_drills(aws: FakeAws) -> list[FakeStack]:
    return [one for one in aws.stacks.values() if one.name.startswith("sanso-drill-") and not one.parent]


def run_step(aws: FakeAws) -> RestoreDrill:
    """Take one step of the drill, as a worker does after an earlier one has died; RDS restores the copy."""
    rows = RestoreDrill.objects.active()
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        run.run_drill(pk, version, aws)
    for stack in stacks_of_drills(aws):
        stack.outputs = {"Cluster": "copy"}
        engine_version = aws.db_clusters["staging-db"].engine_version
        aws.db_clusters["copy"] = Cluster(
            cluster_id="copy", status="available", engine_version=engine_version
        )
        instance = next(iter(aws.db_instances.values()))
        aws.db_instances["copy-1"] = replace(
            instance, instance_id="copy-1", cluster_id="copy", status="available"
        )
    return RestoreDrill.objects.get()


def run_all(aws: FakeAws) -> RestoreDrill:
    """Take steps until the drill has finished."""
    for _ in range(60):
        if (drill := run_step(aws)).state == FINISHED:
            return drill
    pytest.fail(f"the drill does not end in {drill.state}")


def requested(environment: Environment) -> RestoreDrill:
    return request_drill(user=environment.owner, environment=environment)


def is_gone(aws: FakeAws) -> bool:
    return all(one.status == "DELETE_COMPLETE" for one in stacks_of_drills(aws))


def test_a_drill_restores_the_last_second_and_deletes_its_stack(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)

    drill = run_all(aws)

    assert drill.result == "passed", stored_text(drill.sentence)
    (stack,) = stacks_of_drills(aws)
    assert stack.parameters["RestoreTime"] == "2026-12-02T11:59:59Z"
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
