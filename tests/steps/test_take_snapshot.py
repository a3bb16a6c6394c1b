"""A requested snapshot is taken once, whatever happens to the worker, and waited for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.common.errors import AwsAccessError, AwsRejected, AwsRetryable, UserFixable
from deployments.common.models import leases
from deployments.common.texts import error_text, stored_text
from deployments.environments.models.environments import Environment
from deployments.health.commands import operate
from deployments.health.models.database import DatabaseCluster, DatabaseSnapshot
from deployments.health.models.observing import Observation
from deployments.health.rules.backups import CAUSE_TAG
from deployments.health.shared import snapshots
from deployments.stacks.models.action_requests import ActionRequest
from deployments.steps import step
from deployments.steps.action_requests import TRIES
from tests.fakes import FakeAws, lost_answer
from tests.health.steps.observed.environments import make_observed_environment, poll

pytestmark = pytest.mark.django_db
CREATE, DESCRIBE = "rds:CreateDBClusterSnapshot", "rds:DescribeDBClusterSnapshots"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    environment = make_observed_environment(aws)
    poll(aws)
    aws.calls.clear()
    return environment


def run_step(aws: FakeAws) -> ActionRequest:
    """Take one step of the only request, as a worker does."""
    rows = ActionRequest.objects.active()
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        step.run_action_request(pk, version, aws)
    return ActionRequest.objects.get()


def requested(environment: Environment, cluster_id: str = "") -> ActionRequest:
    return operate.request_snapshot(user=environment.owner, environment=environment, cluster_id=cluster_id)


def is_ready(aws: FakeAws, status: str = "available") -> None:
    """Let every snapshot get a status."""
    aws.db_snapshots = {
        name: replace(row, status=status, progress=100, created_at=timezone.now())
        for name, row in aws.db_snapshots.items()
    }


def outcome(row: ActionRequest) -> str:
    return stored_text(row.result.get("sentence"))


def test_a_snapshot_is_taken_with_the_tags_of_its_environment(aws: FakeAws, environment: Environment) -> None:
    row = requested(environment)
    name = row.arguments["snapshot_id"]
    assert name.startswith(f"{environment.stack_name}-")

    assert run_step(aws).state == "running"
    assert run_step(aws).state == "running"
    (snapshot,) = aws.db_snapshots.values()
    assert (snapshot.snapshot_id, snapshot.cluster_id) == (name, "staging-db")
    assert snapshot.tags["sanso:environment"] == str(environment.key)
    assert snapshot.tags[CAUSE_TAG] == "requested"
    assert not Observation.objects.filter(source="backups", due_at__gt=timezone.now()).exists()

    is_ready(aws)
    done = run_step(aws)

    assert (done.state, outcome(done)) == ("done", f"The snapshot {name} is available.")
    assert aws.calls.count(CREATE) == 1
    poll(aws, "backups")
    assert DatabaseSnapshot.objects.get().cause == "requested"


def test_the_request_is_recorded_with_cluster_and_name(environment: Environment) -> None:
    row = requested(environment, "staging-db")

    record = AuditRecord.objects.get()
    assert (record.action, record.outcome) == ("take_snapshot", "requested")
    assert record.details == {"cluster": "staging-db", "snapshot": row.arguments["snapshot_id"]}


def test_a_double_click_takes_one_snapshot(aws: FakeAws, environment: Environment) -> None:
    assert requested(environment) == requested(environment, "staging-db")
    run_step(aws)

    assert len(aws.db_snapshots) == 1
    assert AuditRecord.objects.count() == 1


@pytest.mark.parametrize("after", [True, False])
def test_a_worker_that_is_killed_around_the_call_takes_one_snapshot(
    aws: FakeAws, environment: Environment, after: bool
) -> None:
    class Killed(BaseException):
        pass

    requested(environment)
    aws.fail(CREATE, Killed(), after=after)  # type: ignore[arg-type]  # a killed process handles no exception
    with pytest.raises(Killed):
        run_step(aws)
    assert len(aws.db_snapshots) == after

    run_step(aws)
    is_ready(aws)

    assert run_step(aws).state == "done"
    assert len(aws.db_snapshots) == 1


def test_a_lost_response_takes_one_snapshot(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    aws.fail(CREATE, lost_answer(CREATE), after=True)
    run_step(aws)
    is_ready(aws)

    assert run_step(aws).state == "done"
    assert aws.calls.count(CREATE) == 1


def test_a_snapshot_that_rds_does_not_list_yet_is_not_taken_twice(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)
    run_step(aws)
    kept, aws.db_snapshots = aws.db_snapshots, {}
    assert run_step(aws).state == "running"
    aws.db_snapshots = kept
    is_ready(aws)

    assert run_step(aws).state == "done"
    assert aws.calls.count(CREATE) == 1


def test_a_snapshot_that_was_deleted_meanwhile_ends_the_request(
    aws: FakeAws, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested(environment)
    run_step(aws)
    aws.db_snapshots.clear()
    monkeypatch.setattr(snapshots, "LISTED_AFTER", timedelta(0))

    failed = run_step(aws)

    assert (failed.state, "was deleted" in outcome(failed)) == ("failed", True)
    assert aws.calls.count(CREATE) == 1


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("SnapshotQuotaExceeded", "Delete snapshots that are no longer needed"),
        ("InvalidDBClusterStateFault", "Wait until its status is Available"),
        ("KMSKeyNotAccessibleFault", "Enable the key in KMS"),
    ],
)
def test_what_rds_refuses_is_explained_with_what_to_do(
    aws: FakeAws, environment: Environment, code: str, text: str
) -> None:
    requested(environment)
    aws.fail(CREATE, AwsRejected(code, "no", CREATE, "request-1"))

    failed = run_step(aws)

    assert failed.state == "failed"
    assert text in outcome(failed)
    assert code in outcome(failed)
    assert failed.result["sentence"]["request_id"] == "request-1"
    assert failed.active_key is None


def test_a_cluster_that_is_gone_is_named(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    aws.db_clusters.clear()

    assert "The cluster staging-db no longer exists" in outcome(run_step(aws))


def test_a_name_that_another_cluster_has_is_not_taken_for_ours(
    aws: FakeAws, environment: Environment
) -> None:
    row = requested(environment)
    aws.create_cluster_snapshot("staging-db", row.arguments["snapshot_id"], {})
    aws.db_snapshots = {name: replace(one, cluster_id="another-db") for name, one in aws.db_snapshots.items()}

    assert "Another cluster has a snapshot with the name" in outcome(run_step(aws))


def test_a_missing_permission_is_named(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    aws.fail(CREATE, AwsAccessError("AccessDenied", "not authorized", CREATE))

    failed = run_step(aws)

    assert (failed.state, outcome(failed)) == ("failed", f"AWS denied {CREATE} (AccessDenied).")


def test_a_snapshot_that_fails_fails_the_request(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    run_step(aws)
    is_ready(aws, "failed")

    assert "RDS could not complete the snapshot" in outcome(run_step(aws))


def test_throttled_polls_between_successful_ones_do_not_fail_the_request(
    aws: FakeAws, environment: Environment
) -> None:
    requested(environment)
    run_step(aws)
    for _ in range(TRIES):
        aws.fail(DESCRIBE, AwsRetryable("Throttling", "slow down", DESCRIBE))
        run_step(aws)
        assert run_step(aws).state == "running"
    is_ready(aws)

    assert run_step(aws).state == "done"


def test_a_request_for_an_unknown_cluster_is_refused(environment: Environment) -> None:
    with pytest.raises(UserFixable) as refused:
        requested(environment, "another-db")
    assert "no such database cluster" in error_text(refused.value)

    DatabaseCluster.objects.create(
        environment=environment, cluster_id="second-db", observed_at=timezone.now()
    )
    with pytest.raises(UserFixable) as refused:
        requested(environment)
    assert "second-db, staging-db" in error_text(refused.value)
    assert not ActionRequest.objects.exists()


def test_an_environment_without_a_database_has_no_snapshot(aws: FakeAws, environment: Environment) -> None:
    DatabaseCluster.objects.all().delete()

    with pytest.raises(UserFixable):
        requested(environment)
