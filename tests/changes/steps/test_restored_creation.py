"""A creation with restored data, of a snapshot or a point in time: what is checked before it begins."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from deployments.access.models.audit_records import AuditRecord
from deployments.aws.rds import Cluster
from deployments.aws.rds_backups import ClusterSnapshot
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import make_deployment, make_environment, make_grant, make_user
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run

PARAMETERS = ", ".join(f'{name}: {{Type: String, Default: ""}}' for name in ("Data", "Source", "Time"))
MANIFEST = "snapshot_parameter: Data\npoint_in_time_parameters: {cluster: Source, time: Time}\n"
EARLIEST, LATEST = datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 12, 2, 14, 5, tzinfo=UTC)


@pytest.fixture
def template_set(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """The small set with parameters for restored data."""
    root, manifest = template_set.folder / "root.yaml", template_set.folder / "template-set.yaml"
    root.write_text(root.read_text().replace("Size:", f"{PARAMETERS}, Size:"))
    manifest.write_text(manifest.read_text() + MANIFEST)
    return template_files.load(template_set.folder)


@pytest.fixture
def restored(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A requested creation with the data of a snapshot of a deleted environment."""
    Deployment.objects.filter(pk=deployment.pk).update(parameters={"Size": "2", "Data": "final"})
    before = make_environment("before", account=deployment.environment.account)
    aws.db_snapshots["final"] = ClusterSnapshot(
        snapshot_id="final",
        cluster_id="sanso-before",
        kind="manual",
        status="available",
        tags={ENVIRONMENT_TAG: str(before.key)},
    )
    deployment.refresh_from_db()
    return deployment


def changed(aws: FakeAws, status: str) -> None:
    found = aws.db_snapshots["final"]
    aws.db_snapshots["final"] = ClusterSnapshot(
        snapshot_id="final", cluster_id=found.cluster_id, kind="manual", status=status, tags=found.tags
    )


def test_the_snapshot_is_found_first_and_is_in_the_log(restored: Deployment, aws: FakeAws) -> None:
    ended = run(restored, aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    (event,) = Event.objects.of(ended).filter(code="preflight.snapshot")
    assert event.values == {"snapshot": "final", "cluster": "sanso-before"}


def test_a_snapshot_that_vanished_ends_the_creation_before_anything_exists(
    restored: Deployment, aws: FakeAws
) -> None:
    aws.db_snapshots.clear()

    ended = run(restored, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "SnapshotNotFound")
    assert "RDS has no snapshot final in this account and region." in reason(ended)
    assert "cloudformation:CreateChangeSet" not in aws.calls


def test_a_snapshot_that_is_not_available_is_named_with_its_status(
    restored: Deployment, aws: FakeAws
) -> None:
    changed(aws, "creating")

    ended = run(restored, aws)

    assert ended.error_code == "SnapshotNotAvailable"
    assert "its status is creating" in reason(ended)


def test_the_data_of_an_environment_is_only_for_those_who_may_change_it(
    restored: Deployment, aws: FakeAws
) -> None:
    stranger = make_user("stranger")
    make_grant(stranger, role="deployer", scope="environment", environment=restored.environment)
    Deployment.objects.filter(pk=restored.pk).update(requested_by=stranger)

    ended = run(restored, aws)

    assert ended.error_code == "SnapshotDenied"
    assert "an environment that you may not change" in reason(ended)
    assert Environment.objects.get(pk=ended.environment_id).stack_id == ""


@pytest.fixture
def at_a_time(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A requested creation with the data of a second of a living environment's cluster."""
    requested(deployment, "2026-12-02T14:03:20Z")
    before = make_environment("before", account=deployment.environment.account)
    aws.db_clusters["sanso-before"] = Cluster(
        cluster_id="sanso-before",
        status="available",
        engine_version="8.0",
        earliest_restorable_at=EARLIEST,
        latest_restorable_at=LATEST,
        tags={ENVIRONMENT_TAG: str(before.key)},
    )
    deployment.refresh_from_db()
    return deployment


def requested(deployment: Deployment, time: str) -> None:
    values = {"Size": "2", "Data": "", "Source": "sanso-before", "Time": time}
    Deployment.objects.filter(pk=deployment.pk).update(parameters=values)


def test_the_cluster_is_found_first_and_is_in_the_log_with_the_time(
    at_a_time: Deployment, aws: FakeAws
) -> None:
    ended = run(at_a_time, aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    (event,) = Event.objects.of(ended).filter(code="preflight.point_in_time")
    assert event.values == {"cluster": "sanso-before", "time": "2026-12-02T14:03:20Z"}


@pytest.mark.parametrize("time", ["2026-12-02T14:05:00Z", "2026-12-01T08:59:59Z", "2026-12-02T14:03:20", ""])
def test_a_time_that_rds_cannot_restore_ends_the_creation_and_says_which_it_can(
    at_a_time: Deployment, aws: FakeAws, time: str
) -> None:
    requested(at_a_time, time)

    ended = run(at_a_time, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "RestoreTimeNotPossible")
    assert "Choose a time from 2026-12-01 09:00:00 UTC and before 2026-12-02 14:05:00 UTC." in reason(ended)
    assert "cloudformation:CreateChangeSet" not in aws.calls


def test_a_cluster_that_vanished_ends_the_creation(at_a_time: Deployment, aws: FakeAws) -> None:
    aws.db_clusters.clear()

    ended = run(at_a_time, aws)

    assert ended.error_code == "RestoreClusterNotFound"
    assert "RDS has no cluster sanso-before in this account and region." in reason(ended)


def test_a_cluster_that_is_not_available_is_named_with_its_status(
    at_a_time: Deployment, aws: FakeAws
) -> None:
    aws.db_clusters["sanso-before"] = replace(aws.db_clusters["sanso-before"], status="stopped")

    ended = run(at_a_time, aws)

    assert ended.error_code == "RestoreClusterNotAvailable"
    assert "its status is stopped" in reason(ended)


def test_a_second_of_an_environment_is_only_for_those_who_may_change_it(
    at_a_time: Deployment, aws: FakeAws
) -> None:
    stranger = make_user("stranger")
    make_grant(stranger, role="deployer", scope="environment", environment=at_a_time.environment)
    Deployment.objects.filter(pk=at_a_time.pk).update(requested_by=stranger)

    ended = run(at_a_time, aws)

    assert ended.error_code == "RestoreClusterDenied"
    assert "an environment that you may not change" in reason(ended)


def test_data_of_no_known_environment_is_for_administrators_of_the_account(
    restored: Deployment, aws: FakeAws
) -> None:
    aws.db_snapshots["final"] = replace(aws.db_snapshots["final"], tags={ENVIRONMENT_TAG: str(uuid.uuid4())})
    deployer = make_grant(make_user("deployer"), role="deployer")
    Deployment.objects.filter(pk=restored.pk).update(requested_by=deployer)

    ended = run(restored, aws)

    assert ended.error_code == "SnapshotDenied"
    refused = AuditRecord.objects.filter(outcome="refused").get()
    assert (refused.username, refused.permission) == ("deployer", "deployments.manage_access")


def retry_of(failed: Deployment, *, last_phase: str, requested_by: User) -> Deployment:
    """Return a retry, with the same data, of a creation that failed in this phase."""
    Deployment.objects.filter(pk=failed.pk).update(
        state="failed", last_phase=last_phase, active_key=None, stack_id="arn:shop"
    )
    Environment.objects.filter(pk=failed.environment_id).update(stack_id="arn:shop")
    failed.environment.refresh_from_db()
    return make_deployment(
        failed.environment,
        kind="update",
        is_retry=True,
        base=failed,
        state="preflight",
        parameters=failed.parameters,
        template_digest=failed.template_digest,
        requested_by=requested_by,
    )


@pytest.mark.parametrize("last_phase", ["stacks", "ready"])
def test_a_retry_is_asked_whose_data_it_restores(restored: Deployment, aws: FakeAws, last_phase: str) -> None:
    """The failed creation was requested by somebody else: it proves nothing about this person."""
    stranger = make_user("stranger")
    make_grant(stranger, role="deployer", scope="environment", environment=restored.environment)
    retry = retry_of(restored, last_phase=last_phase, requested_by=stranger)

    ended = run(retry, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "SnapshotDenied")
    assert AuditRecord.objects.filter(outcome="refused", deployment=retry).exists()


@pytest.mark.parametrize(("last_phase", "passes"), [("ready", True), ("stacks", False)])
def test_a_snapshot_may_be_gone_once_the_stack_was_complete_with_its_data(
    restored: Deployment, aws: FakeAws, last_phase: str, passes: bool
) -> None:
    stored_sets.keep(stored_sets.current())
    retry = retry_of(restored, last_phase=last_phase, requested_by=restored.requested_by)
    aws.db_snapshots.clear()

    reached = run(retry, aws, until=lambda one: one.state != State.PREFLIGHT)

    assert (reached.error_code != "SnapshotNotFound") is passes
    assert (reached.state != State.FAILED) is passes
