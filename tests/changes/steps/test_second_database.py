"""A change that restores a second database: what is checked before anything is created."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.restoring import request_restore
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import RestoredData
from tests.builders import make_operator
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run

PARAMETERS = (
    "Databases: {Type: String, Default: A}, InUse: {Type: String, Default: A}, "
    'Unprotected: {Type: String, Default: none}, Data: {Type: String, Default: ""}, '
    'Source: {Type: String, Default: ""}, Time: {Type: String, Default: ""}'
)
MANIFEST = (
    "second_database: {databases: Databases, in_use: InUse, unprotected: Unprotected, snapshot: Data, "
    "cluster: Source, time: Time}\n"
)


@pytest.fixture
def template_set(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """The small set with the parameters of a second database."""
    root, manifest = template_set.folder / "root.yaml", template_set.folder / "template-set.yaml"
    root.write_text(root.read_text().replace("Size:", f"{PARAMETERS}, Size:"))
    manifest.write_text(manifest.read_text() + MANIFEST)
    return template_files.load(template_set.folder)


@pytest.fixture
def deployed(deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet) -> Environment:
    """An environment with one database."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    assert ended.state == State.SUCCEEDED, reason(ended)
    Environment.objects.update(parameters=ended.parameters)
    return Environment.objects.for_page().get(pk=ended.environment_id)


@pytest.fixture
def operator(db: None) -> User:
    """A user who may change environments."""
    return make_operator("operator")


def restore(environment: Environment, user: User) -> Deployment:
    return request_restore(
        user=user,
        environment=environment,
        data=RestoredData(snapshot="kept"),
        reason="",
        request_key=uuid.uuid4(),
    )


def test_a_snapshot_that_vanished_ends_the_preview(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    ended = run(restore(deployed, operator), aws)

    assert ended.state == State.FAILED
    assert ended.error_code == "SnapshotNotFound"


def test_the_data_is_looked_up_once_and_later_changes_keep_the_database(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    aws.db_snapshots["kept"] = ClusterSnapshot(
        snapshot_id="kept", cluster_id="sanso-shop", kind="manual", status="available"
    )
    preview = run(restore(deployed, operator), aws, until=lambda one: one.state == State.PREVIEW)
    (looked_up,) = Event.objects.of(preview).filter(code="preflight.snapshot")
    assert looked_up.values == {"snapshot": "kept", "cluster": "sanso-shop"}

    ended = run(apply_change(user=operator, deployment=preview, digest=preview.preview_digest), aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    deployed.refresh_from_db()
    two = {"Databases": "both", "InUse": "A", "Unprotected": "B", "Data": "kept"}
    assert {name: deployed.parameters[name] for name in two} == two
