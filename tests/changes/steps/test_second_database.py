"""Changes of an environment's databases: restored beside, switched, deleted; others keep the databases."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.databases import request_databases
from deployments.changes.commands.preview import request_change
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import DatabaseChange, RestoredData
from tests.builders import make_operator
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run

PARAMETERS = (
    "Databases: {Type: String, Default: A}, InUse: {Type: String, Default: A}, "
    'Unprotected: {Type: String, Default: none}, Data: {Type: String, Default: ""}, '
    'Source: {Type: String, Default: ""}, Time: {Type: String, Default: ""}, '
    'WithoutInstances: {Type: String, Default: none}, DataOfA: {Type: String, Default: ""}'
)
MANIFEST = (
    "snapshot_parameter: DataOfA\n"
    "second_database: {databases: Databases, in_use: InUse, unprotected: Unprotected, snapshot: Data, "
    "cluster: Source, time: Time, without_instances: WithoutInstances}\n"
)


KEPT = ClusterSnapshot(snapshot_id="kept", cluster_id="sanso-shop", kind="manual", status="available")


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
def two(deployed: Environment, aws: FakeAws, operator: User) -> Environment:
    """An environment with a second database beside the one in use."""
    aws.db_snapshots["kept"] = replace(KEPT, tags={ENVIRONMENT_TAG: str(deployed.key)})
    applied(restore(deployed, operator), operator, aws)
    return Environment.objects.for_page().get(pk=deployed.pk)


@pytest.fixture
def operator(db: None) -> User:
    """A user who may change environments."""
    return make_operator("operator")


def requested(environment: Environment, user: User, **wanted: Any) -> Deployment:
    return request_databases(
        user=user,
        environment=environment,
        wanted=DatabaseChange(**wanted),
        reason="",
        request_key=uuid.uuid4(),
    )


def restore(environment: Environment, user: User, snapshot: str = "kept") -> Deployment:
    return requested(environment, user, restore=RestoredData(snapshot=snapshot))


def applied(preview: Deployment, user: User, aws: FakeAws) -> Deployment:
    """Return a change after its preview was applied and it has ended."""
    ready = run(preview, aws, until=lambda one: one.state == State.PREVIEW)
    ended = run(apply_change(user=user, deployment=ready, digest=ready.preview_digest), aws)
    assert ended.state == State.SUCCEEDED, reason(ended)
    return ended


def test_a_snapshot_that_vanished_ends_the_preview(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    ended = run(restore(deployed, operator), aws)

    assert ended.state == State.FAILED
    assert ended.error_code == "SnapshotNotFound"


def test_the_data_is_looked_up_once_and_later_changes_keep_the_database(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    aws.db_snapshots["kept"] = replace(KEPT, tags={ENVIRONMENT_TAG: str(deployed.key)})
    preview = run(restore(deployed, operator), aws, until=lambda one: one.state == State.PREVIEW)
    (looked_up,) = Event.objects.of(preview).filter(code="preflight.snapshot")
    assert looked_up.values == {"snapshot": "kept", "cluster": "sanso-shop"}

    ended = run(apply_change(user=operator, deployment=preview, digest=preview.preview_digest), aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    deployed.refresh_from_db()
    two = {"Databases": "both", "InUse": "A", "Unprotected": "B", "Data": "kept"}
    assert {name: deployed.parameters[name] for name in two} == two


def in_use(environment: Environment) -> tuple[str, str, str]:
    """Return the database that the servers use, the unprotected one, and the snapshot of the second."""
    environment.refresh_from_db()
    values = environment.parameters
    return values["InUse"], values["Unprotected"], values["Data"]


def test_the_servers_use_the_second_database_and_the_first_one_again(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    assert in_use(two) == ("A", "B", "kept")

    applied(requested(two, operator, switch_to="B"), operator, aws)
    assert in_use(two) == ("B", "none", "kept")

    applied(requested(two, operator, switch_to="A"), operator, aws)
    assert in_use(two) == ("A", "none", "kept")


def test_a_change_that_was_requested_before_a_switch_does_not_undo_it(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    change = request_change(
        user=operator,
        environment=two,
        parameters=two.parameters | {"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    run(change, aws, until=lambda one: one.state == State.PREVIEW)
    applied(requested(two, operator, switch_to="B"), operator, aws)
    change.refresh_from_db()

    out_of_date = apply_change(user=operator, deployment=change, digest=change.preview_digest)
    again = run(out_of_date, aws, until=lambda one: one.state == State.PREVIEW and one.revision > 0)

    assert again.parameters["InUse"] == "B"
    applied(again, operator, aws)
    assert in_use(two) == ("B", "none", "kept")
    assert two.parameters["Size"] == "3"


def test_a_switch_ends_if_others_switched_since_its_request(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    first, second = (requested(two, operator, switch_to="B") for _ in range(2))
    for one in (first, second):
        run(one, aws, until=lambda one: one.state == State.PREVIEW)
    first.refresh_from_db()
    applied(first, operator, aws)
    assert in_use(two) == ("B", "none", "kept")
    applied(requested(two, operator, switch_to="A"), operator, aws)
    second.refresh_from_db()

    ended = run(apply_change(user=operator, deployment=second, digest=second.preview_digest), aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "DatabasesChanged")
    assert in_use(two) == ("A", "none", "kept")


def never_ready(switch: Deployment) -> None:
    """Let a change have failed after its stacks were complete, as when the site does not respond."""
    Deployment.objects.filter(pk=switch.pk).update(state="failed", error_code="NotReady")


def test_a_switch_whose_servers_did_not_become_ready_is_not_undone_by_the_next_change(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    waiting = request_change(
        user=operator,
        environment=two,
        parameters=two.parameters | {"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    run(waiting, aws, until=lambda one: one.state == State.PREVIEW)
    never_ready(applied(requested(two, operator, switch_to="B"), operator, aws))
    two.refresh_from_db()

    later = request_change(
        user=operator,
        environment=two,
        parameters=two.parameters | {"Size": "4"},
        reason="",
        request_key=uuid.uuid4(),
    )
    assert later.parameters["InUse"] == "B"
    waiting.refresh_from_db()
    stale = apply_change(user=operator, deployment=waiting, digest=waiting.preview_digest)
    again = run(stale, aws, until=lambda one: one.state == State.PREVIEW and one.revision > 0)
    applied(again, operator, aws)
    assert in_use(two) == ("B", "none", "kept")

    applied(requested(two, operator, switch_to="A"), operator, aws)
    assert in_use(two) == ("A", "none", "kept")


def databases(environment: Environment) -> dict[str, str]:
    """Return the parameters of the databases of an environment."""
    environment.refresh_from_db()
    names = ("Databases", "InUse", "Unprotected", "WithoutInstances", "Data", "DataOfA")
    return {name: environment.parameters[name] for name in names}


def test_a_database_is_deleted_by_two_changes_and_another_one_is_restored_in_its_place(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    applied(requested(two, operator, switch_to="B"), operator, aws)
    switched = databases(two)

    applied(requested(two, operator, delete="A"), operator, aws)
    assert databases(two) == switched | {"Unprotected": "A", "WithoutInstances": "A"}
    with pytest.raises(UserFixable) as refused:
        requested(two, operator, switch_to="A")
    assert refused.value.code == "DatabaseEmptied"

    applied(requested(two, operator, delete="A"), operator, aws)
    only_b = switched | {"Databases": "B"}
    assert databases(two) == only_b

    aws.db_snapshots["newer"] = replace(aws.db_snapshots["kept"], snapshot_id="newer")
    again = restore(two, operator, snapshot="newer")
    applied(again, operator, aws)
    both = only_b | {"Databases": "both", "Unprotected": "A", "DataOfA": "newer"}
    assert databases(two) == both
    (looked_up,) = Event.objects.of(again).filter(code="preflight.snapshot")
    assert looked_up.values["snapshot"] == "newer"

    size = request_change(
        user=operator,
        environment=two,
        parameters=two.parameters | {"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    applied(size, operator, aws)
    assert databases(two) == both


def test_a_deletion_that_was_requested_before_a_switch_deletes_nothing(
    two: Environment, aws: FakeAws, operator: User
) -> None:
    deletion = run(requested(two, operator, delete="B"), aws, until=lambda one: one.state == State.PREVIEW)
    applied(requested(two, operator, switch_to="B"), operator, aws)
    deletion.refresh_from_db()

    ended = run(apply_change(user=operator, deployment=deletion, digest=deletion.preview_digest), aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "DatabasesChanged")
    assert databases(two)["Databases"] == "both"
