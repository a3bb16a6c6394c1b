"""NoEcho values are stored during their deployment, and redacted as long as something can print them."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from deployments.aws.elbv2 import TargetHealth
from deployments.aws.site import SiteCheckResult
from deployments.aws.site_address import Site
from deployments.common.errors import AwsAccessError, AwsRejected
from deployments.common.models import leases
from deployments.common.models.encryption import decrypt_values, encrypt_values
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.commands import operate
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import ScalingActivity
from deployments.health.models.site import SiteProbe
from deployments.health.steps import site_check
from deployments.recovery.commands import delete
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from deployments.stacks.shared import event_log, finalize, redactors
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws, FakeStack
from tests.health.steps.observed.environments import (
    activity,
    configure,
    group_arn,
    make_healthy,
    make_parts,
    observation,
    poll,
    server,
)
from tests.message_texts import attention, reason
from tests.stepping import run, take_step

pytestmark = pytest.mark.django_db
SECRET = "hunter22"
OUTPUT = b'TASK [Configure] ***\nfatal: [localhost]: FAILED! => {"msg": "no login with hunter22"}\n'


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture(autouse=True)
def _repeat_warnings() -> None:
    redactors._warn_once.cache_clear()


@pytest.fixture
def deployment(template_set: template_files.TemplateSet) -> Deployment:
    """A creation with a NoEcho value that was just requested."""
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return make_deployment(
        make_environment("staging"),
        template_digest=template_set.digest,
        parameters={"Size": "2"},
        sealed_parameters=encrypt_values({"Password": SECRET}),
    )


def all_rows() -> str:
    """Return all rows of all tables as text."""
    rows = [list(model._default_manager.values()) for model in apps.get_models()]
    return json.dumps(rows, default=str, ensure_ascii=False)


def fail_topic(aws: FakeAws) -> None:
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", ""),
        ("", "Topic", "CREATE_FAILED", f"the password {SECRET} is too weak"),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Topic]."),
        ("", "Topic", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", f"for {SECRET}"),
    ]


def test_values_are_stored_until_the_deployment_succeeds(deployment: Deployment, aws: FakeAws) -> None:
    running = run(deployment, aws, until=lambda d: d.state == State.STACKS)
    assert decrypt_values(running.sealed_parameters) == {"Password": SECRET}
    assert aws.requests[0].parameters["Password"] == SECRET

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.SUCCEEDED, "")
    assert ended.environment.secret_fingerprints
    assert SECRET not in all_rows()


def test_reasons_are_redacted_and_the_end_clears_the_values(deployment: Deployment, aws: FakeAws) -> None:
    fail_topic(aws)

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert reason(ended).endswith("the password **** is too weak")
    assert Event.objects.get(status="CREATE_FAILED").reason == "the password **** is too weak"
    assert SECRET not in all_rows()
    assert ended.environment.secret_fingerprints


def test_the_error_of_a_change_set_is_redacted_and_its_values_are_cleared(
    deployment: Deployment, aws: FakeAws
) -> None:
    operation = "cloudformation:CreateChangeSet"
    aws.fail(operation, AwsRejected("ValidationError", f"Value '{SECRET}' is too short", operation))

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.FAILED, "")
    assert "Value '****' is too short" in reason(ended)
    assert SECRET not in all_rows()
    assert not ended.environment.secret_fingerprints  # nothing was created that could print it


def test_the_values_of_a_deleted_stack_are_cleared(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws, until=lambda d: d.state == State.STACKS)
    aws.stacks.clear()

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code, ended.sealed_parameters) == (State.FAILED, "StackGone", "")
    assert not ended.environment.secret_fingerprints


def test_values_are_cleared_only_together_with_the_end(
    deployment: Deployment, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, values and fingerprints change in one transaction: a step that fails in it changes nothing."""
    fail_topic(aws)
    add = event_log.add

    def dies(deployment: Deployment, code: str, /, **values: Any) -> bool:
        if code == "ended":
            raise OperationalError("server has gone away")
        return add(deployment, code, **values)

    with monkeypatch.context() as patched:
        patched.setattr(event_log, "add", dies)
        with pytest.raises(OperationalError):
            run(deployment, aws)
    running = Deployment.objects.for_page().get(pk=deployment.pk)
    assert decrypt_values(running.sealed_parameters) == {"Password": SECRET}
    assert running.environment.secret_fingerprints == ""

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert ended.environment.secret_fingerprints


def test_an_error_that_needs_attention_is_redacted(
    deployment: Deployment, aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    running = run(deployment, aws, until=lambda d: d.state == State.STACKS)
    operation = "cloudformation:DescribeStacks"
    aws.fail(operation, AwsAccessError("AccessDenied", f"not with {SECRET}", operation))
    with caplog.at_level(logging.DEBUG):
        take_step(running, aws)

    waiting = Deployment.objects.get(pk=deployment.pk)
    assert "not with ****" in attention(waiting)
    assert SECRET not in all_rows()
    assert SECRET not in caplog.text


# --- after the end -------------------------------------------------------------------------------
@pytest.fixture
def deployed(aws: FakeAws) -> Environment:
    """A deployed environment whose deployment had a NoEcho value."""
    environment = make_environment("staging", stack_id="arn:staging", due_at=timezone.now())
    make_parts(
        environment,
        state="ready",
        stack_id="arn:staging",
        sealed_parameters=encrypt_values({"Password": SECRET}),
    )
    make_healthy(aws, "staging")
    aws.stacks["arn:staging"] = FakeStack("sanso-staging", "arn:staging", "CREATE_COMPLETE")
    deployment = environment.latest
    assert deployment
    finalize.finalize(deployment, State.SUCCEEDED, "CREATE_COMPLETE", {})
    return reload(environment)


def reload(environment: Environment) -> Environment:
    return Environment.objects.select_related("account", "latest").get(pk=environment.pk)


def put_value_into_texts(aws: FakeAws) -> None:
    """Put the value into every AWS text that programs or people write."""
    one = server("staging", "app", 0)
    configure(aws, "staging", "app", {one: "Failed"}, run=2)
    folder = f"app/{one}/staging-app/{timezone.now():%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
    aws.stored["logs", f"{folder}/stdout"] = OUTPUT
    aws.stored["logs", f"{folder}/stderr"] = f"echo {SECRET}".encode()
    texts: dict[str, Any] = {
        "description": f"a {SECRET}",
        "cause": f"b {SECRET}",
        "message": f"c {SECRET}",
    }
    aws.scaling_activities["staging-app"] = [
        activity("staging-app", "again", "InProgress", timezone.now(), **texts)
    ]
    aws.scaling_groups["staging-app"] = replace(aws.scaling_groups["staging-app"], desired=5)
    arn = group_arn("staging", "app")
    aws.targets[arn] = [
        TargetHealth(
            target_group_arn=arn, target_id=one, port=80, state="unhealthy", description=f"not with {SECRET}"
        )
    ]
    aws.db_clusters["staging-db"] = replace(
        aws.db_clusters["staging-db"], pending={"DBClusterIdentifier": f"db-{SECRET}"}
    )


def test_observations_after_the_end_are_redacted(aws: FakeAws, deployed: Environment) -> None:
    assert not deployed.latest or deployed.latest.sealed_parameters == ""
    put_value_into_texts(aws)

    poll(aws)

    assert SECRET not in all_rows()
    printed = AssociationRun.objects.get(status="Failed")
    assert (printed.failed_message, printed.error_output) == ("no login with ****", "echo ****")
    assert ScalingActivity.objects.get(activity_id="staging-app-again").message == "c ****"
    assert deployed.targets.get(state="unhealthy").description == "not with ****"
    assert deployed.clusters.get().pending == {"DBClusterIdentifier": "db-****"}


def test_observations_during_the_deployment_are_redacted(aws: FakeAws, deployed: Environment) -> None:
    Environment.objects.update(secret_fingerprints="")
    Deployment.objects.update(
        state="configuration", active_key=deployed.pk, sealed_parameters=encrypt_values({"Password": SECRET})
    )
    put_value_into_texts(aws)

    poll(aws)

    assert SECRET not in all_rows()
    assert AssociationRun.objects.get(status="Failed").failed_message == "no login with ****"


def test_the_error_of_a_source_is_redacted(aws: FakeAws, deployed: Environment) -> None:
    operation = "autoscaling:DescribeAutoScalingGroups"
    aws.fail(operation, AwsRejected("ValidationError", f"no {SECRET}", operation))

    poll(aws, "fleet")

    assert "no ****" in stored_text(observation(deployed, "fleet").problem_sentence)
    assert SECRET not in all_rows()


def test_another_environment_of_the_account_is_not_redacted(aws: FakeAws, deployed: Environment) -> None:
    other = make_environment("other", account=deployed.account, stack_id="arn:other")
    make_parts(other)
    make_healthy(aws, "other")
    arn = group_arn("other", "app")
    aws.targets[arn] = [replace(aws.targets[arn][0], state="unhealthy", description=f"named {SECRET}")]

    poll(aws)

    assert other.targets.get(state="unhealthy").description == f"named {SECRET}"


def test_outputs_of_the_stack_are_redacted(aws: FakeAws, deployed: Environment) -> None:
    aws.stacks["arn:staging"].outputs = {"Link": f"https://shop.example/?token={SECRET}"}

    step.run_environment(deployed.pk, deployed.version, aws)

    assert reload(deployed).outputs == {"Link": "https://shop.example/?token=****"}


def test_the_error_of_an_action_request_is_redacted(aws: FakeAws, deployed: Environment) -> None:
    poll(aws)
    requested = operate.request_association_run(
        user=deployed.owner, environment=deployed, association_id="staging-app", only_failed=False
    )
    operation = "ssm:StartAssociationsOnce"
    aws.fail(operation, AwsRejected("ValidationError", f"no {SECRET}", operation))
    for pk, version in leases.claim_due(
        ActionRequest.objects.active(), timezone.now(), timedelta(seconds=30)
    ):
        step.run_action_request(pk, version, aws)

    assert "no ****" in stored_text(ActionRequest.objects.get(pk=requested.pk).result["sentence"])
    assert SECRET not in all_rows()


def test_a_site_check_redacts_error_pages(deployed: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[Site] = []

    def check(one: Site) -> SiteCheckResult:
        requested.append(one)
        return SiteCheckResult()

    monkeypatch.setattr(site_check, "check_site", check)

    site_check.run_site_check(deployed)

    assert requested[0].redact(f"a page with {SECRET}") == "a page with ****"
    assert SiteProbe.objects.exists()


def test_events_of_a_deletion_are_redacted_and_its_end_clears_the_fingerprints(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws)
    deletion = make_deployment(Environment.objects.get(), kind="delete")
    running = run(deletion, aws, until=lambda d: d.state == State.STACKS)
    take_step(running, aws)
    aws._acts = [
        ("", "Topic", "DELETE_FAILED", f"in use by {SECRET}"),
        ("", "Topic", "DELETE_IN_PROGRESS", ""),
        *aws._acts,
    ]

    ended = run(deletion, aws)

    assert ended.state == State.SUCCEEDED
    assert Event.objects.get(status="DELETE_FAILED").reason == "in use by ****"
    assert SECRET not in all_rows()
    assert Environment.objects.get().secret_fingerprints == ""


def test_an_environment_that_is_removed_from_sanso_has_no_fingerprints(deployed: Environment) -> None:
    Environment.objects.update(missing_since=timezone.now())

    delete.close_environment(user=deployed.owner, environment=deployed)

    assert reload(deployed).secret_fingerprints == ""


# --- another SECRET_KEY ----------------------------------------------------------------------------
def test_fingerprints_survive_a_change_of_the_key(
    aws: FakeAws, deployed: Environment, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"
    step.run_environment(deployed.pk, deployed.version, aws)  # while the fallback is set
    settings.SECRET_KEY_FALLBACKS = []

    assert redactors.of_environment(reload(deployed))(SECRET) == "****"


def test_texts_of_aws_are_not_stored_when_the_values_cannot_be_decrypted(
    deployment: Deployment, aws: FakeAws, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    fail_topic(aws)
    run(deployment, aws, until=lambda d: d.state == State.STACKS)
    settings.SECRET_KEY = f"lost {uuid.uuid4()}"

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert Event.objects.get(status="CREATE_FAILED").reason == "****"
    assert SECRET not in all_rows()
    assert "SECRET_KEY was changed" in caplog.text


def test_an_environment_is_polled_when_its_fingerprints_cannot_be_decrypted(
    aws: FakeAws, deployed: Environment, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY = f"lost {uuid.uuid4()}"
    aws.stacks["arn:staging"].outputs = {"Link": "https://shop.example/"}

    step.run_environment(deployed.pk, deployed.version, aws)

    assert reload(deployed).outputs == {"Link": "https://shop.example/"}
    assert reload(deployed).secret_fingerprints  # the key may be restored
    assert "SECRET_KEY was changed" in caplog.text


def test_an_environment_without_noecho_parameters_has_no_fingerprints() -> None:
    deployment = make_deployment()
    assert redactors.fingerprints_after(deployment) == ""
    assert not redactors.of_deployment(deployment)
    assert not redactors.of_environment(deployment.environment)
