"""A creation that restores a snapshot: what is checked before anything is created."""

from __future__ import annotations

import pytest

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG
from deployments.template_sets import template_files
from tests.builders import make_environment, make_grant, make_user
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run


@pytest.fixture
def template_set(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """The small set with a parameter for the snapshot."""
    root, manifest = template_set.folder / "root.yaml", template_set.folder / "template-set.yaml"
    root.write_text(root.read_text().replace("Size:", 'Data: {Type: String, Default: ""}, Size:'))
    manifest.write_text(manifest.read_text() + "snapshot_parameter: Data\n")
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
