"""Deletion protection is enabled when the environment is ready; if that fails, nothing else fails."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.aws.cloudformation import ChangeSetRequest
from deployments.changes.commands.create import request_deployment
from deployments.common.errors import AwsAccessError, UserFixable
from deployments.common.models import leases
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.environments.rules.timings import AWS
from deployments.health.commands.operate import request_protection
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_account, make_deployment, make_environment, make_operator
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.stepping import run, take_step

UPDATE, TERMINATION = "cloudformation:UpdateStack", "cloudformation:UpdateTerminationProtection"
FAILING = [
    ("", "", "UPDATE_IN_PROGRESS", "User Initiated"),
    ("", "Network", "UPDATE_IN_PROGRESS", ""),
    ("Network", "", "UPDATE_IN_PROGRESS", ""),
    ("Network", "Vpc", "UPDATE_FAILED", "you shall not"),
    ("Network", "", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
    ("", "Network", "UPDATE_FAILED", "Embedded stack was not successfully updated"),
    ("", "", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
    ("Network", "", "UPDATE_ROLLBACK_COMPLETE", ""),
    ("", "Network", "UPDATE_COMPLETE", ""),
    ("", "", "UPDATE_ROLLBACK_COMPLETE", ""),
]


@pytest.fixture
def template_set(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> template_files.TemplateSet:
    """A template set with a protection parameter and server images."""
    folder = tmp_path_factory.mktemp("protected-set")
    (folder / "root.yaml").write_text(
        "Parameters:\n"
        "  Bucket: {Type: String}\n"
        "  Prefix: {Type: String}\n"
        "  Protection: {Type: String, Default: 'true', AllowedValues: ['true', 'false']}\n"
        "  Password: {Type: String, NoEcho: true, Default: hunter22}\n"
        "  System: {Type: String, Default: new}\n"
        "  ImageId: {Type: String, Default: ''}\n"
        "Mappings: {Images: {new: {Parameter: /images/new}, old: {Parameter: /images/old}}}\n"
        "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    )
    (folder / "template-set.yaml").write_text(
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
        "protection_parameter: Protection\n"
        "image_parameters: {ImageId: !FindInMap [Images, !Ref System, Parameter]}\n"
    )
    settings.SANSO_TEMPLATE_SET = folder
    return template_files.load(folder)


@pytest.fixture
def aws() -> FakeAws:
    found = FakeAws()
    found.ssm_parameters = {"/images/new": "ami-0123456789abcdef0", "/images/old": "ami-00000000"}
    return found


def creation(template_set: template_files.TemplateSet, **values: str) -> Deployment:
    """Request a creation as the form does."""

    TemplateCheck.objects.get_or_create(digest=template_set.digest, defaults={"findings": []})
    return request_deployment(
        user=make_operator(),
        account=make_account(),
        name="staging",
        parameters=values,
        reason="",
        request_key=uuid.uuid4(),
    )


@pytest.fixture
def deployment(db: None, template_set: template_files.TemplateSet) -> Deployment:
    return creation(template_set)


def request_of(aws: FakeAws) -> ChangeSetRequest:
    (request,) = aws.requests
    return request


def carry_out(row: ActionRequest, aws: FakeAws) -> ActionRequest:
    """Take steps of the action request, as a worker does, until it has ended."""
    rows = ActionRequest.objects.active().filter(pk=row.pk)
    for _ in range(60):
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
            step.run_action_request(pk, version, aws)
        if not rows.exists():
            break
    return ActionRequest.objects.get(pk=row.pk)


def test_protection_comes_on_after_the_environment_is_ready(deployment: Deployment, aws: FakeAws) -> None:
    ended = run(deployment, aws)

    assert (ended.state, ended.last_phase, ended.protection) == (State.SUCCEEDED, State.PROTECT, "on")
    assert request_of(aws).parameters["Protection"] == "false"
    (update,) = aws.updates
    assert update.changed == {"Protection": "true"}
    assert set(update.kept) == {"Bucket", "Prefix", "Password", "System", "ImageId"}
    assert aws.calls.index(TERMINATION) < aws.calls.index(UPDATE)
    (stack,) = aws.live_stacks("sanso-staging")
    assert stack.is_protected
    assert ended.ready_at is not None
    assert Environment.objects.get().stack_status == "UPDATE_COMPLETE"
    assert Stack.objects.get(deployment=ended, path="").status == "UPDATE_COMPLETE"
    assert list(
        Event.objects.of(ended).filter(code__startswith="protect").values_list("code", flat=True)
    ) == [
        "protect.started",
        "protect.on",
    ]


def test_images_are_looked_up_once_and_passed_as_ids(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws)

    assert request_of(aws).parameters["ImageId"] == "ami-0123456789abcdef0"
    assert aws.calls.count("ssm:GetParameters") == 1
    assert "ImageId" not in Deployment.objects.get().parameters


@pytest.mark.django_db
def test_the_image_follows_the_parameters_of_the_form(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    run(creation(template_set, System="old"), aws)

    assert request_of(aws).parameters["ImageId"] == "ami-00000000"


def test_an_image_that_is_not_there_ends_the_deployment_before_anything_is_created(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.ssm_parameters = {}

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert "/images/new" in reason(ended)
    assert aws.stacks == {}


@pytest.mark.django_db
def test_who_wants_no_protection_gets_none_and_no_phase(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    ended = run(creation(template_set, Protection="false"), aws)

    assert (ended.last_phase, ended.protection, ended.protects) == (State.READY, "unwanted", False)
    assert TERMINATION not in aws.calls
    assert UPDATE not in aws.calls


@pytest.mark.parametrize("lost", ["before", "after"])
@pytest.mark.parametrize("operation", [UPDATE, TERMINATION])
def test_an_answer_that_was_lost_changes_nothing(
    deployment: Deployment, aws: FakeAws, operation: str, lost: str
) -> None:
    aws.fail(operation, *[lost_answer(operation)] * 2, after=lost == "after")

    ended = run(deployment, aws)

    assert (ended.state, ended.protection) == (State.SUCCEEDED, "on")
    assert len(aws.updates) == 1
    assert Stack.objects.get(deployment=ended, path="").status == "UPDATE_COMPLETE"


def test_an_update_that_fails_leaves_a_ready_environment_that_is_not_protected(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.update_acts = FAILING

    ended = run(deployment, aws)

    assert (ended.state, ended.protection) == (State.SUCCEEDED, "failed")
    assert stored_text(ended.protection_message) == "Network/Vpc: you shall not"
    assert ended.ready_at is not None


def test_a_permission_that_is_missing_ends_the_phase_and_names_it(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.fail(UPDATE, AwsAccessError("AccessDenied", "no", UPDATE))

    ended = run(deployment, aws)

    assert (ended.state, ended.protection) == (State.SUCCEEDED, "failed")
    assert UPDATE in stored_text(ended.protection_message)
    (stack,) = aws.live_stacks("sanso-staging")
    assert stack.is_protected
    assert Environment.objects.get().termination_protection  # enabled before the failure


def test_an_update_that_never_ends_is_given_up(deployment: Deployment, aws: FakeAws) -> None:
    aws.update_acts = [("", "", "UPDATE_IN_PROGRESS", "User Initiated")]
    run(deployment, aws, until=lambda d: bool(aws.updates))
    late = timezone.now() - AWS.readiness_timeout
    Deployment.objects.update(phase_at=late)

    take_step(deployment, aws)

    ended = Deployment.objects.get()
    assert (ended.state, ended.protection) == (State.SUCCEEDED, "failed")


def test_retry_switches_it_on(deployment: Deployment, aws: FakeAws) -> None:
    good = aws.update_acts
    aws.update_acts = FAILING
    ended = run(deployment, aws)
    environment = Environment.objects.select_related("latest").get()

    aws.update_acts = FAILING
    again = carry_out(request_protection(user=ended.requested_by, environment=environment), aws)
    assert again.state == "failed"
    assert Deployment.objects.get().protection == "failed"

    aws.update_acts = good
    aws.fail(UPDATE, lost_answer(UPDATE), after=True)
    third = carry_out(request_protection(user=ended.requested_by, environment=environment), aws)
    assert third.state == "done"
    assert Deployment.objects.get().protection == "on"
    assert len(aws.updates) == 3
    with pytest.raises(UserFixable):
        request_protection(user=ended.requested_by, environment=environment)


def test_a_protected_environment_is_deleted_only_when_that_is_asked_for(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws)
    environment = Environment.objects.select_related("latest").get()
    assert environment.is_protected

    refused = run(make_deployment(environment, kind="delete"), aws)
    assert (refused.state, refused.error_code) == (State.FAILED, "DeletionProtection")

    ended = run(make_deployment(environment, kind="delete", unprotect=True), aws)
    assert ended.state == State.SUCCEEDED
    assert aws.live_stacks("sanso-staging") == []


@pytest.mark.django_db
def test_a_deployment_of_the_release_before_has_no_such_phase(aws: FakeAws) -> None:
    old = make_deployment(make_environment("old"), state=State.CHANGE_SET)

    assert not old.protects
