"""The step that takes an environment through its life: Sanso's own deployments carry it out, in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from deployments.access.commands.requesting import PermissionMissing
from deployments.aws import session
from deployments.common import heartbeats
from deployments.common.errors import AwsAccessError, AwsNotFound
from deployments.common.models import leases
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.first_contact.commands import request_cancel, request_run
from deployments.first_contact.display import report
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import TAG
from deployments.first_contact.shared import runs
from deployments.first_contact.steps import pipeline
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import take_steps
from deployments.stacks.models.action_requests import ActionRequest
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.accounts.testing import production
from tests.builders import make_user
from tests.fakes import FakeAws
from tests.first_contact.working import states, take_all, take_step

pytestmark = pytest.mark.django_db

ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  LogRetentionDays: {Type: Number, Default: 30}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref LogRetentionDays}}
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub 'https://${Bucket}.s3.amazonaws.com/${Prefix}/network.yaml'
      Parameters: {Topic: !Ref Topic}
"""
NETWORK = """
Parameters: {Topic: {Type: String}}
Resources:
  Vpc: {Type: AWS::SNS::Topic, Properties: {Name: !Ref Topic}}
  Subnet: {Type: AWS::SNS::Topic, Properties: {Vpc: !GetAtt Vpc.Arn}}
"""
MANIFEST = """
root: root.yaml
bucket_parameter: Bucket
prefix_parameter: Prefix
presets: {trial: {label: Trial, parameters: {LogRetentionDays: 7}}}
"""


class Killed(BaseException):
    """The end of a process that handles nothing."""


@pytest.fixture
def aws(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> FakeAws:
    """An account whose deployments proceed while a first contact waits, without servers."""
    folder = tmp_path_factory.mktemp("set")
    for name, text in {"root.yaml": ROOT, "network.yaml": NETWORK, "template-set.yaml": MANIFEST}.items():
        (folder / name).write_text(text)
    settings.SANSO_TEMPLATE_SET = folder
    TemplateCheck.objects.create(digest=template_files.load(folder).digest, findings=[])
    found = FakeAws()
    monkeypatch.setattr(session, "connect", found)
    monkeypatch.setattr(pipeline, "refuse_without_workers", lambda _contact: None)

    def work(contact: Contact, _seconds: float = 0.0) -> None:
        contact._keep_run()
        take_due_steps(found)

    monkeypatch.setattr(Contact, "pause", work)
    return found


@pytest.fixture
def account(aws: FakeAws) -> Account:
    return production()


def take_due_steps(aws: FakeAws) -> None:
    """Take each step that is due within an hour, as workers do."""
    later, lease = timezone.now() + timedelta(hours=1), timedelta(seconds=30)
    for pk, version in list(leases.claim_due(Deployment.objects.active(), later, lease)):
        step.run_deployment(pk, version, aws)
    for pk, version in list(leases.claim_due(ActionRequest.objects.active(), later, lease)):
        step.run_action_request(pk, version, aws)


def requested(account: Account, *steps: str) -> ContactRun:
    user = make_user("ana", is_superuser=True)
    return request_run(user=user, account=account, steps=steps or ["environment"])


def answers(run: ContactRun, name: str = "environment") -> dict[str, dict[str, Any]]:
    return {one["question"]: one for one in run.steps.get(name=name).answers}


def test_an_environment_is_created_changed_and_deleted_in_the_name_of_the_user(
    account: Account, aws: FakeAws
) -> None:
    done = take_all(requested(account))

    assert report.is_fine(done), "\n".join(report.as_text(done))
    environment = Environment.objects.get()
    assert (environment.name, environment.owner.username) == (f"contact-{done.tag}", "ana")
    assert environment.deleted_at is not None
    kinds = Deployment.objects.order_by("pk").values_list("kind", "state", "requested_by__username")
    assert list(kinds) == [(kind, "succeeded", "ana") for kind in ("create", "update", "delete")]
    assert [request.tags[TAG] for request in aws.requests] == [done.tag, done.tag]
    assert aws.requests[0].parameters["LogRetentionDays"] == "7"  # the preset's
    assert aws.requests[1].parameters["LogRetentionDays"] == "14"
    assert "preflight" in answers(done)["creation"]["text"]
    assert "stacks" in answers(done)["deletion"]["text"]
    assert answers(done)["release"]["outcome"] == "note"  # the set has none


@pytest.mark.parametrize(
    "operation",
    ["cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack", "s3:CreateBucket"],
)
def test_what_a_killed_process_has_begun_is_continued_and_not_begun_again(
    account: Account, aws: FakeAws, operation: str
) -> None:
    run = requested(account)
    aws.fail(operation, Killed())  # type: ignore[arg-type]
    with pytest.raises(Killed):
        take_step(run)
    began_at = run.steps.get(name="environment").began_at

    done = take_all(run)

    assert states(done) == {"environment": "done", "clean_up": "done"}
    assert report.is_fine(done), "\n".join(report.as_text(done))
    assert Deployment.objects.count() == 3
    assert done.steps.get(name="environment").began_at == began_at


def test_a_canceled_run_deletes_the_environment_whose_creation_is_in_progress(
    account: Account, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = requested(account)
    user = make_user("bo", is_superuser=True)

    def canceled(call: str) -> None:
        if call == "cloudformation:ExecuteChangeSet":
            request_cancel(user=user, run=run)

    monkeypatch.setattr(aws, "on_call", canceled)
    done = take_all(run)

    assert states(done) == {"environment": "canceled", "clean_up": "done"}
    assert (done.left, done.active_key) == ([], None)
    assert Environment.objects.get().deleted_at is not None
    assert aws.live_stacks(f"sanso-contact-{done.tag}") == []


def test_a_creation_that_fails_is_reported_and_cleaned_up(account: Account, aws: FakeAws) -> None:
    aws.fail("s3:PutObject", AwsAccessError("AccessDenied", "not authorized", "s3:PutObject"))

    done = take_all(requested(account))

    assert not report.is_fine(done)
    assert answers(done)["creation"]["outcome"] == "different"
    assert "AWS denied s3:PutObject" in answers(done)["creation"]["text"]
    assert (done.left, done.active_key) == ([], None)


def test_what_sanso_refuses_is_an_answer(account: Account, aws: FakeAws) -> None:
    run = requested(account)
    Environment.objects.create(
        account=account,
        name=f"contact-{run.tag}",
        stack_name="other",
        live_key=Environment.key_for(account, f"contact-{run.tag}"),
        owner=make_user("bo"),
        stack_id="arn:other",
    )

    done = take_all(run)

    assert "Choose another name" in answers(done)["creation"]["text"]
    assert Environment.objects.get().deleted_at is None


def test_without_workers_nothing_is_created(
    account: Account, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(session, "connect", aws)
    monkeypatch.setattr(heartbeats, "running", lambda _redis: [])

    done = take_all(requested(account))

    assert answers(done)["the processes of Sanso"]["text"] == "not running: dispatcher, worker"
    assert Deployment.objects.count() == 0


def test_a_user_without_the_rights_of_its_life_may_not_request_it(account: Account) -> None:
    with pytest.raises(PermissionMissing):
        request_run(
            user=make_user("mia", is_superuser=False), account=account, steps=["reads", "environment"]
        )
    assert not ContactRun.objects.exists()


def test_the_command_needs_a_user_who_has_the_rights(account: Account) -> None:
    with pytest.raises(CommandError, match="needs --user"):
        call_command("first_contact", account.name, "--environment")
    with pytest.raises(CommandError, match="There is no active user nobody"):
        call_command("first_contact", account.name, "--steps", "environment", "--user", "nobody")
    make_user("mia")
    with pytest.raises(CommandError, match="mia may not take an environment through its life"):
        call_command("first_contact", account.name, "--environment", "--user", "mia")
    assert not ContactRun.objects.exists()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AwsAccessError("AccessDeniedException", "denied", "ssm:StartAssociationsOnce"), "expected"),
        (AwsNotFound("AssociationDoesNotExist", "none", "ssm:StartAssociationsOnce"), "different"),
    ],
)
def test_the_strict_scope_denies_what_has_no_tag_of_an_environment(
    account: Account, aws: FakeAws, error: Exception, outcome: str
) -> None:
    aws.fail("ssm:StartAssociationsOnce", error)
    run = runs.begin(account, ["strict"])

    take_steps(Contact(run, lambda _line: None))

    (question,) = [one for one in answers(run, "strict") if one.startswith("ssm.")]
    assert answers(run, "strict")[question]["outcome"] == outcome
