"""A NoEcho value is kept while its deployment goes on, and recognized as long as something can print it."""

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

from deployments import catalog
from deployments.actions import delete, operate
from deployments.aws.elbv2 import TargetHealth
from deployments.aws.site import SiteCheckResult
from deployments.aws.site_address import Site
from deployments.core.phases import State
from deployments.errors import AwsAccessError, AwsRejected
from deployments.models import (
    ActionRequest,
    AssociationRun,
    Deployment,
    Environment,
    Event,
    ScalingActivity,
    SiteProbe,
    TemplateCheck,
    leases,
)
from deployments.models.sealed import seal, unseal
from deployments.runner import event_log, finalize, redactors, site_check, step
from deployments.wording import stored_text
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws, FakeStack
from tests.runner.conftest import one_tick, run
from tests.runner.observed.world import (
    activity,
    configure,
    fill,
    group_arn,
    look,
    make_parts,
    observation,
    server,
)
from tests.wordings import attention, reason

pytestmark = pytest.mark.django_db
SECRET = "hunter22"
OUTPUT = b'TASK [Configure] ***\nfatal: [localhost]: FAILED! => {"msg": "no login with hunter22"}\n'


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture(autouse=True)
def _every_warning_is_news() -> None:
    redactors._warn_once.cache_clear()


@pytest.fixture
def deployment(template_set: catalog.TemplateSet) -> Deployment:
    """A create with a NoEcho value that was just asked for."""
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return make_deployment(
        make_environment("staging"),
        template_digest=template_set.digest,
        parameters={"Size": "2"},
        sealed_parameters=seal({"Password": SECRET}),
    )


def whole_database() -> str:
    """Return every value of every row."""
    rows = [list(model._default_manager.values()) for model in apps.get_models()]
    return json.dumps(rows, default=str, ensure_ascii=False)


def let_topic_fail(aws: FakeAws) -> None:
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", ""),
        ("", "Topic", "CREATE_FAILED", f"the password {SECRET} is too weak"),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Topic]."),
        ("", "Topic", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", f"for {SECRET}"),
    ]


def test_the_values_are_kept_until_the_deployment_succeeds(deployment: Deployment, aws: FakeAws) -> None:
    following = run(deployment, aws, until=lambda d: d.state == State.STACKS)
    assert unseal(following.sealed_parameters) == {"Password": SECRET}
    assert aws.requests[0].parameters["Password"] == SECRET

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.SUCCEEDED, "")
    assert ended.environment.secret_fingerprints
    assert SECRET not in whole_database()


def test_a_reason_shows_no_value_and_the_end_clears_the_values(deployment: Deployment, aws: FakeAws) -> None:
    let_topic_fail(aws)

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert reason(ended).endswith("the password **** is too weak")
    assert Event.objects.get(status="CREATE_FAILED").reason == "the password **** is too weak"
    assert SECRET not in whole_database()
    assert ended.environment.secret_fingerprints


def test_a_change_set_that_fails_shows_no_value_and_leaves_nothing(
    deployment: Deployment, aws: FakeAws
) -> None:
    operation = "cloudformation:CreateChangeSet"
    aws.fail(operation, AwsRejected("ValidationError", f"Value '{SECRET}' is too short", operation))

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.FAILED, "")
    assert "Value '****' is too short" in reason(ended)
    assert SECRET not in whole_database()
    assert not ended.environment.secret_fingerprints  # nothing was made that could print it


def test_a_stack_that_is_gone_clears_all(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws, until=lambda d: d.state == State.STACKS)
    aws.stacks.clear()

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code, ended.sealed_parameters) == (State.FAILED, "StackGone", "")
    assert not ended.environment.secret_fingerprints


def test_an_end_that_is_not_written_clears_nothing(
    deployment: Deployment, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State, cleared values and fingerprints are one transaction: a step that dies in it changes nothing."""
    let_topic_fail(aws)
    add = event_log.add

    def dies(deployment: Deployment, code: str, /, **values: Any) -> bool:
        if code == "ended":
            raise OperationalError("server has gone away")
        return add(deployment, code, **values)

    with monkeypatch.context() as patched:
        patched.setattr(event_log, "add", dies)
        with pytest.raises(OperationalError):
            run(deployment, aws)
    following = Deployment.objects.for_page().get(pk=deployment.pk)
    assert unseal(following.sealed_parameters) == {"Password": SECRET}
    assert following.environment.secret_fingerprints == ""

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert ended.environment.secret_fingerprints


def test_an_error_that_keeps_a_deployment_waiting_shows_no_value(
    deployment: Deployment, aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    following = run(deployment, aws, until=lambda d: d.state == State.STACKS)
    operation = "cloudformation:DescribeStacks"
    aws.fail(operation, AwsAccessError("AccessDenied", f"not with {SECRET}", operation))
    with caplog.at_level(logging.DEBUG):
        one_tick(following, aws)

    waiting = Deployment.objects.get(pk=deployment.pk)
    assert "not with ****" in attention(waiting)
    assert SECRET not in whole_database()
    assert SECRET not in caplog.text


# --- after the end -------------------------------------------------------------------------------
@pytest.fixture
def standing(aws: FakeAws) -> Environment:
    """An environment that stands, whose deployment had a NoEcho value."""
    environment = make_environment("staging", stack_id="arn:staging", due_at=timezone.now())
    make_parts(
        environment, state="ready", stack_id="arn:staging", sealed_parameters=seal({"Password": SECRET})
    )
    fill(aws, "staging")
    aws.stacks["arn:staging"] = FakeStack("sanso-staging", "arn:staging", "CREATE_COMPLETE")
    deployment = environment.latest
    assert deployment
    finalize.finalize(deployment, State.SUCCEEDED, "CREATE_COMPLETE", {})
    return fresh(environment)


def fresh(environment: Environment) -> Environment:
    return Environment.objects.select_related("account", "latest").get(pk=environment.pk)


def print_the_value(aws: FakeAws) -> None:
    """Let AWS say the value wherever it says what programs and people wrote."""
    one = server("staging", "app", 0)
    configure(aws, "staging", "app", {one: "Failed"}, run=2)
    folder = f"app/{one}/staging-app/{timezone.now():%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
    aws.stored["logs", f"{folder}/stdout"] = OUTPUT
    aws.stored["logs", f"{folder}/stderr"] = f"echo {SECRET}".encode()
    said: dict[str, Any] = {"description": f"a {SECRET}", "cause": f"b {SECRET}", "message": f"c {SECRET}"}
    aws.scaling_activities["staging-app"] = [
        activity("staging-app", "again", "InProgress", timezone.now(), **said)
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


def test_what_is_observed_after_the_end_shows_no_value(aws: FakeAws, standing: Environment) -> None:
    assert not standing.latest or standing.latest.sealed_parameters == ""
    print_the_value(aws)

    look(aws)

    assert SECRET not in whole_database()
    printed = AssociationRun.objects.get(status="Failed")
    assert (printed.failed_message, printed.error_output) == ("no login with ****", "echo ****")
    assert ScalingActivity.objects.get(activity_id="staging-app-again").message == "c ****"
    assert standing.targets.get(state="unhealthy").description == "not with ****"
    assert standing.clusters.get().pending == {"DBClusterIdentifier": "db-****"}


def test_what_is_observed_while_the_deployment_goes_on_shows_no_value(
    aws: FakeAws, standing: Environment
) -> None:
    Environment.objects.update(secret_fingerprints="")
    Deployment.objects.update(
        state="configuration", active_key=standing.pk, sealed_parameters=seal({"Password": SECRET})
    )
    print_the_value(aws)

    look(aws)

    assert SECRET not in whole_database()
    assert AssociationRun.objects.get(status="Failed").failed_message == "no login with ****"


def test_a_source_that_may_not_be_asked_says_so_without_the_value(
    aws: FakeAws, standing: Environment
) -> None:
    operation = "autoscaling:DescribeAutoScalingGroups"
    aws.fail(operation, AwsRejected("ValidationError", f"no {SECRET}", operation))

    look(aws, "fleet")

    assert "no ****" in stored_text(observation(standing, "fleet").problem_sentence)
    assert SECRET not in whole_database()


def test_another_environment_of_the_account_is_not_redacted(aws: FakeAws, standing: Environment) -> None:
    other = make_environment("other", account=standing.account, stack_id="arn:other")
    make_parts(other)
    fill(aws, "other")
    arn = group_arn("other", "app")
    aws.targets[arn] = [replace(aws.targets[arn][0], state="unhealthy", description=f"named {SECRET}")]

    look(aws)

    assert other.targets.get(state="unhealthy").description == f"named {SECRET}"


def test_the_stack_s_reason_and_outputs_show_no_value(aws: FakeAws, standing: Environment) -> None:
    aws.stacks["arn:staging"].outputs = {"Link": f"https://shop.example/?token={SECRET}"}

    step.run_environment(standing.pk, standing.version, aws)

    assert fresh(standing).outputs == {"Link": "https://shop.example/?token=****"}


def test_an_operation_that_fails_says_so_without_the_value(aws: FakeAws, standing: Environment) -> None:
    look(aws)
    asked = operate.request_association_run(
        user=standing.owner, environment=standing, association_id="staging-app", only_failed=False
    )
    operation = "ssm:StartAssociationsOnce"
    aws.fail(operation, AwsRejected("ValidationError", f"no {SECRET}", operation))
    for pk, version in leases.claim_due(
        ActionRequest.objects.active(), timezone.now(), timedelta(seconds=30)
    ):
        step.run_action_request(pk, version, aws)

    assert "no ****" in stored_text(ActionRequest.objects.get(pk=asked.pk).result["sentence"])
    assert SECRET not in whole_database()


def test_the_site_is_asked_with_what_removes_the_value_from_its_error_pages(
    standing: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Site] = []

    def check(one: Site) -> SiteCheckResult:
        asked.append(one)
        return SiteCheckResult()

    monkeypatch.setattr(site_check, "check_site", check)

    site_check.run_site_check(standing)

    assert asked[0].redact(f"a page with {SECRET}") == "a page with ****"
    assert SiteProbe.objects.exists()


def test_a_deletion_s_events_show_no_value_and_its_end_forgets_all(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws)
    deletion = make_deployment(Environment.objects.get(), kind="delete")
    following = run(deletion, aws, until=lambda d: d.state == State.STACKS)
    one_tick(following, aws)
    aws._acts = [
        ("", "Topic", "DELETE_FAILED", f"in use by {SECRET}"),
        ("", "Topic", "DELETE_IN_PROGRESS", ""),
        *aws._acts,
    ]

    ended = run(deletion, aws)

    assert ended.state == State.SUCCEEDED
    assert Event.objects.get(status="DELETE_FAILED").reason == "in use by ****"
    assert SECRET not in whole_database()
    assert Environment.objects.get().secret_fingerprints == ""


def test_an_environment_that_is_closed_keeps_no_fingerprints(standing: Environment) -> None:
    Environment.objects.update(missing_since=timezone.now())

    delete.close_environment(user=standing.owner, environment=standing)

    assert fresh(standing).secret_fingerprints == ""


# --- another SECRET_KEY ----------------------------------------------------------------------------
def test_fingerprints_outlive_a_change_of_the_key(
    aws: FakeAws, standing: Environment, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"
    step.run_environment(standing.pk, standing.version, aws)  # while the fallback is there
    settings.SECRET_KEY_FALLBACKS = []

    assert redactors.of_environment(fresh(standing))(SECRET) == "****"


def test_a_deployment_whose_values_cannot_be_decrypted_ends_without_texts_of_aws(
    deployment: Deployment, aws: FakeAws, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    let_topic_fail(aws)
    run(deployment, aws, until=lambda d: d.state == State.STACKS)
    settings.SECRET_KEY = f"lost {uuid.uuid4()}"

    ended = run(deployment, aws)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert Event.objects.get(status="CREATE_FAILED").reason == "****"
    assert SECRET not in whole_database()
    assert "SECRET_KEY was changed" in caplog.text


def test_an_environment_whose_fingerprints_cannot_be_decrypted_is_looked_at_all_the_same(
    aws: FakeAws, standing: Environment, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY = f"lost {uuid.uuid4()}"
    aws.stacks["arn:staging"].outputs = {"Link": "https://shop.example/"}

    step.run_environment(standing.pk, standing.version, aws)

    assert fresh(standing).outputs == {"Link": "https://shop.example/"}
    assert fresh(standing).secret_fingerprints  # the key may come back
    assert "SECRET_KEY was changed" in caplog.text


def test_an_environment_without_noecho_parameters_keeps_nothing() -> None:
    deployment = make_deployment()
    assert redactors.fingerprints_after(deployment) == ""
    assert not redactors.of_deployment(deployment)
    assert not redactors.of_environment(deployment.environment)
