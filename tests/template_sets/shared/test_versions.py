"""Versions of template sets: recorded from the bundled set, and pinned after successful deployments."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from deployments import tasks
from deployments.changes.commands import apply, create
from deployments.changes.commands import preview as preview_commands
from deployments.common.errors import AwsAccessError
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.stored_sets import DeployedSet, TemplateCheck
from deployments.template_sets.shared import versions
from tests.builders import make_account, make_deployment, make_environment, make_operator
from tests.fakes import FakeAws
from tests.stepping import run

pytestmark = pytest.mark.django_db


def edited(template_set: template_files.TemplateSet, text: str) -> template_files.TemplateSet:
    root = template_set.folder / "root.yaml"
    root.write_text(root.read_text() + text)
    found = template_files.load(template_set.folder)
    TemplateCheck.objects.get_or_create(digest=found.digest, defaults={"findings": []})
    return found


def created(aws: FakeAws, name: str = "staging") -> Environment:
    deployment = create.request_deployment(
        user=make_operator(),
        account=make_account(),
        name=name,
        parameters={"Size": "2"},
        reason="",
        request_key=uuid.uuid4(),
    )
    TemplateCheck.objects.get_or_create(digest=deployment.template_digest, defaults={"findings": []})
    run(deployment, aws)
    return Environment.objects.get(pk=deployment.environment_id)


def changed(environment: Environment, aws: FakeAws, **values: object) -> Deployment:
    user = make_operator()
    asked = {"parameters": {"Size": "3"}, "reason": "", "request_key": uuid.uuid4()} | values
    preview = preview_commands.request_change(user=user, environment=environment, **asked)  # type: ignore[arg-type]
    preview = run(preview, aws, lambda d: d.state == State.PREVIEW or not d.is_active)
    apply.apply_change(user=user, deployment=preview, digest=preview.preview_digest)
    return run(preview, aws)


def test_the_bundled_set_is_recorded_once_for_each_state_of_its_files(
    template_set: template_files.TemplateSet,
) -> None:
    versions.record_current()
    versions.record_current()
    edited(template_set, "Outputs: {Size: {Value: !Ref Size}}\n")
    versions.record_current()

    source = TemplateSource.objects.get()
    found = list(source.versions.order_by("number"))
    assert source.is_bundled
    assert [one.label for one in found] == ["#1", "#2"]
    assert {one.digest for one in found} == set(DeployedSet.objects.values_list("digest", flat=True))


def test_a_bundled_set_that_cannot_be_read_adds_no_version(template_set: template_files.TemplateSet) -> None:
    (template_set.folder / "root.yaml").write_text("Resources: [")

    versions.record_current()

    assert not TemplateSource.objects.exists()


def test_a_known_version_costs_three_queries(template_set: template_files.TemplateSet) -> None:
    versions.record_current()

    with CaptureQueriesContext(connection) as queries:
        versions.record_current()

    assert len(queries) == 3


def test_the_bundled_set_is_checked_before_it_is_deployed(template_set: template_files.TemplateSet) -> None:
    assert versions.record_current()
    tasks.lint_bundled_set()

    assert TemplateCheck.objects.get().digest == template_set.digest
    assert not versions.record_current()


def test_a_bundled_set_that_cannot_be_read_is_not_checked(template_set: template_files.TemplateSet) -> None:
    (template_set.folder / "root.yaml").write_text("Resources: [")

    assert not versions.record_current()
    tasks.lint_bundled_set()

    assert not TemplateCheck.objects.exists()


def test_an_environment_is_pinned_to_its_version_once_it_is_good(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    environment = created(aws)

    assert environment.template_version is not None
    assert environment.template_version.digest == template_set.digest


def test_a_new_environment_of_the_bundled_set_follows_every_new_version(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    assert created(aws).channel == "*"


def test_a_failed_creation_pins_nothing(template_set: template_files.TemplateSet, aws: FakeAws) -> None:
    operation = "cloudformation:CreateChangeSet"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))
    environment = created(aws)

    assert environment.template_version is None


def test_a_change_keeps_or_takes_a_version_and_a_rollback_returns_to_the_earlier_one(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    environment = created(aws)
    first = environment.template_version
    edited(template_set, "Outputs: {Size: {Value: !Ref Size}}\n")

    kept = changed(environment, aws, current_set=False)
    environment.refresh_from_db()
    assert (kept.template_version, environment.template_version) == (first, first)

    taken = changed(environment, aws, parameters={"Size": "4"})
    environment.refresh_from_db()
    assert taken.template_version is not None
    assert taken.template_version.number == 2
    assert environment.template_version == taken.template_version

    preview = preview_commands.request_rollback(
        user=make_operator(), deployment=kept, reason="", request_key=uuid.uuid4()
    )
    assert preview.template_version == first


def test_environments_of_a_release_before_are_pinned_by_their_files(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    environment = make_environment("staging")
    make_deployment(environment, state="succeeded", last_phase="ready", template_digest=template_set.digest)
    other = make_environment("other")
    make_deployment(other, state="succeeded", last_phase="ready", template_digest="of other files")

    versions.record_current()

    environment.refresh_from_db()
    other.refresh_from_db()
    assert environment.template_version is not None
    assert other.template_version is None


def test_another_folder_goes_on_with_the_versions_of_the_bundled_set(
    template_set: template_files.TemplateSet, settings: Settings
) -> None:
    versions.record_current()
    folder = template_set.folder.parent / "moved"
    template_set.folder.rename(folder)
    settings.SANSO_TEMPLATE_SET = folder
    edited(template_files.load(folder), "Outputs: {Size: {Value: !Ref Size}}\n")

    versions.record_current()

    source = TemplateSource.objects.get()
    assert (source.name, source.url) == ("moved", str(folder))
    assert source.versions.count() == 2


def test_who_goes_back_is_not_offered_the_same_version_again(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    environment = created(aws)
    first = environment.latest
    edited(template_set, "Outputs: {Size: {Value: !Ref Size}}\n")
    second = changed(environment, aws, parameters={"Size": "4"}).template_version
    environment.refresh_from_db()
    assert environment.went_back_from is None

    changed(environment, aws, rolls_back_to=first, parameters={"Size": "2"})
    environment.refresh_from_db()
    assert first is not None
    assert (environment.template_version, environment.went_back_from) == (first.template_version, second)

    changed(environment, aws, current_set=False)  # a change of parameters does not resume updates
    environment.refresh_from_db()
    assert environment.went_back_from == second

    changed(environment, aws, version=second)
    environment.refresh_from_db()
    assert (environment.template_version, environment.went_back_from) == (second, None)


def test_an_environment_moves_to_another_set_with_the_same_files(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    environment = created(aws)
    source = TemplateSource.objects.create(name="shop", kind="git", live_key="shop")
    version = versions.add(source, template_set, commit="c0ffee", about={})

    preview = preview_commands.request_version(
        user=make_operator(), environment=environment, version=version, reason="", request_key=uuid.uuid4()
    )
    run(preview, aws)
    environment.refresh_from_db()
    assert environment.template_version == version
