"""After CloudFormation a deployment waits until the environment is ready, or times out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from deployments.aws.site import SiteCheckResult
from deployments.common.errors import AwsAccessError, Message
from deployments.common.message_codes import Code
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.environments.rules.timings import AWS
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.observing import Observation
from deployments.health.models.site import SiteProbe
from deployments.health.steps import site_check
from deployments.stacks.models.events import Event
from tests.builders import make_environment
from tests.fakes import FakeAws, FakeStack
from tests.health.steps.observed.environments import (
    configure,
    make_healthy,
    make_parts,
    poll,
    server,
    set_target_state,
)
from tests.message_texts import attention, reason
from tests.stepping import run, take_step

pytestmark = pytest.mark.django_db
SUCCESSFUL = SiteCheckResult(wrote=True, read=True, milliseconds=31, write_status=200, read_status=200)
BAD_GATEWAY = SiteCheckResult(
    problem=Message(Code.SITE_ERROR_STATUS, {"path": "/write", "status": "502", "text": "Bad Gateway"})
)
UNREACHED = SiteCheckResult(
    reached=False, problem=Message(Code.SITE_CONNECTION_FAILED, {"port": "80", "error": "timed out"})
)


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def deployment(aws: FakeAws) -> Deployment:
    """A creation whose stacks are complete, in an account where everything is healthy."""
    environment = make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="stacks", stack_id="arn:staging")
    make_healthy(aws, "staging")
    aws.stacks["arn:staging"] = FakeStack(
        "sanso-staging", "arn:staging", "CREATE_COMPLETE", outputs={"URL": "http://staging-web.elb.example/"}
    )
    assert environment.latest
    return environment.latest


def step(deployment: Deployment, aws: FakeAws, answer: SiteCheckResult = SUCCESSFUL) -> Deployment:
    """Poll all sources, and take one step of the deployment."""
    poll(aws)
    with patch("deployments.health.steps.site_check.check_site", return_value=answer):
        take_step(deployment, aws)
    return Deployment.objects.for_page().get(pk=deployment.pk)


def complete_stacks(deployment: Deployment, aws: FakeAws) -> Deployment:
    return run(deployment, aws, until=lambda d: d.state == State.CONFIGURATION)


def waiting_texts(deployment: Deployment) -> list[str]:
    return [stored_text(one) for one in deployment.waiting_for]


def move_back(by: timedelta) -> None:
    """Move the events and site checks back in time."""
    SiteProbe.objects.update(at=F("at") - by)
    Event.objects.update(at=F("at") - by)


def age_events(deployment: Deployment, by: timedelta) -> None:
    """Give all events this age."""
    Event.objects.filter(deployment=deployment).update(at=timezone.now() - by)


def test_a_healthy_environment_passes_all_phases_and_is_ready(deployment: Deployment, aws: FakeAws) -> None:
    waiting = complete_stacks(deployment, aws)
    assert waiting.is_active
    assert waiting.ready_at is None
    assert Environment.objects.get().outputs == {"URL": "http://staging-web.elb.example/"}

    ended = step(deployment, aws)

    assert (ended.state, ended.last_phase, ended.error_code) == (State.SUCCEEDED, State.READY, "")
    assert ended.ready_at is not None
    assert ended.waiting_for == []
    phases = list(Event.objects.filter(code="phase").order_by("seq").values_list("values__phase", flat=True))
    assert phases[-3:] == ["configuration", "traffic", "ready"]
    probe = SiteProbe.objects.get()
    assert (probe.wrote, probe.read, probe.milliseconds, probe.asked_by) == (True, True, 31, None)


def test_a_continued_rollback_succeeds_when_the_environment_is_healthy(
    deployment: Deployment, aws: FakeAws
) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(kind="rollback")
    aws.stacks["arn:staging"].status = "UPDATE_ROLLBACK_COMPLETE"
    waiting = complete_stacks(Deployment.objects.for_page().get(), aws)
    assert waiting.is_active

    waiting = step(waiting, aws, BAD_GATEWAY)
    assert (waiting.state, waiting.is_active) == (State.READY, True)
    assert "site check" in waiting_texts(waiting)[0]
    move_back(timedelta(minutes=1))
    ended = step(waiting, aws)

    assert (ended.state, ended.last_phase) == (State.SUCCEEDED, State.READY)
    assert Environment.objects.get().stack_status == "UPDATE_ROLLBACK_COMPLETE"


def test_observations_before_the_stacks_were_complete_do_not_count(
    deployment: Deployment, aws: FakeAws
) -> None:
    poll(aws)

    complete_stacks(deployment, aws)
    take_step(deployment, aws)

    deployment.refresh_from_db()
    assert deployment.state == State.CONFIGURATION
    assert "The association of configure-app has not been read from State Manager yet." in waiting_texts(
        deployment
    )


def test_a_deployment_waits_for_an_unhealthy_target_though_state_manager_succeeded(
    deployment: Deployment, aws: FakeAws
) -> None:
    set_target_state(aws, "staging", "web", 1, "unhealthy", "Target.ResponseCodeMismatch")
    complete_stacks(deployment, aws)

    waiting = step(deployment, aws)

    assert waiting.state == State.TRAFFIC
    assert "Target.ResponseCodeMismatch" in waiting_texts(waiting)[0]
    assert (
        stored_text(Event.objects.filter(code="waiting").get().values["message"]) == waiting_texts(waiting)[0]
    )
    assert not SiteProbe.objects.exists()

    step(deployment, aws)
    assert Event.objects.filter(code="waiting").count() == 1
    set_target_state(aws, "staging", "web", 1, "healthy")
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_deployment_waits_for_a_successful_site_check(deployment: Deployment, aws: FakeAws) -> None:
    complete_stacks(deployment, aws)

    waiting = step(deployment, aws, BAD_GATEWAY)

    assert waiting.state == State.READY
    assert waiting_texts(waiting) == ["The site check through the load balancer has not succeeded yet."]
    assert stored_text(SiteProbe.objects.get().sentence) == "/write returns 502: Bad Gateway"
    move_back(timedelta(seconds=AWS.site_check_delay(1)))
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_site_that_the_portal_cannot_reach_is_ready_without_a_site_check(
    deployment: Deployment, aws: FakeAws
) -> None:
    """ClientCidr may admit the visitors and exclude the portal."""
    complete_stacks(deployment, aws)
    for number in range(1, site_check.UNREACHED):
        assert step(deployment, aws, UNREACHED).state == State.READY
        move_back(timedelta(seconds=AWS.site_check_delay(number)))

    ended = step(deployment, aws, UNREACHED)

    assert ended.state == State.SUCCEEDED
    assert set(SiteProbe.objects.values_list("reached", "read")) == {(False, False)}


def test_a_site_that_was_reached_in_between_is_waited_for(deployment: Deployment, aws: FakeAws) -> None:
    complete_stacks(deployment, aws)
    for number, answer in enumerate((UNREACHED, BAD_GATEWAY, UNREACHED, UNREACHED), start=1):
        assert step(deployment, aws, answer).state == State.READY
        move_back(timedelta(seconds=AWS.site_check_delay(number)))


def test_site_checks_slow_down_while_they_fail(deployment: Deployment, aws: FakeAws) -> None:
    """A successful site check saves a row in the site's own database."""
    environment, since = deployment.environment, timezone.now() - timedelta(days=1)
    requested = SiteProbe.objects.create(environment=environment, asked_by=deployment.requested_by, at=since)
    complete_stacks(deployment, aws)

    for _ in range(3):
        step(deployment, aws, BAD_GATEWAY)
    assert SiteProbe.objects.filter(asked_by=None).count() == 1

    rests = []
    for _ in range(8):
        last = SiteProbe.objects.own_of(environment)[0].at
        after = (n for n in range(60) if site_check.is_due(environment, since, last + timedelta(seconds=n)))
        rests.append(next(after))
        with patch("deployments.health.steps.site_check.check_site", return_value=BAD_GATEWAY):
            site_check.run_site_check(environment)
    assert rests == [5, 10, 20, *[30] * 5]
    assert SiteProbe.objects.filter(asked_by=None).count() == site_check.KEPT
    assert SiteProbe.objects.filter(pk=requested.pk).exists()


def test_site_checks_of_the_last_deployment_do_not_delay_the_next(
    deployment: Deployment, aws: FakeAws
) -> None:
    for _ in range(site_check.KEPT):
        SiteProbe.objects.create(environment=deployment.environment, at=timezone.now())
    complete_stacks(deployment, aws)

    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_failed_configuration_ends_the_deployment_after_a_timeout(
    deployment: Deployment, aws: FakeAws
) -> None:
    good, bad = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {good: "Success", bad: "Failed"}, run=2)
    complete_stacks(deployment, aws)

    waiting = step(deployment, aws)
    assert waiting.state == State.CONFIGURATION
    assert waiting_texts(waiting)[0] == f"configure-app failed on {bad} (Failed)."

    AssociationRun.objects.update(at=F("at") - AWS.failure_timeout)
    age_events(deployment, AWS.failure_timeout)
    ended = step(deployment, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "AssociationFailed")
    assert reason(ended) == f"configure-app failed on {bad} (Failed)."
    environment = Environment.objects.get()
    assert (environment.stack_status, environment.stack_id) == ("CREATE_COMPLETE", "arn:staging")
    assert environment.outputs


def test_a_successful_run_after_a_failed_one_completes_the_deployment(
    deployment: Deployment, aws: FakeAws
) -> None:
    good, bad = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {good: "Success", bad: "Failed"}, run=2)
    complete_stacks(deployment, aws)
    step(deployment, aws)

    configure(aws, "staging", "app", {bad: "Success"}, run=3)

    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_deployment_that_times_out_reports_what_it_was_waiting_for(
    deployment: Deployment, aws: FakeAws
) -> None:
    complete_stacks(deployment, aws)
    age_events(deployment, AWS.readiness_timeout)

    ended = step(deployment, aws, BAD_GATEWAY)

    assert (ended.state, ended.error_code) == (State.FAILED, "NotReady")
    assert "The site check through the load balancer" in reason(ended)


def test_a_deployment_whose_servers_aws_does_not_let_be_read_waits_for_an_operator(
    deployment: Deployment, aws: FakeAws
) -> None:
    complete_stacks(deployment, aws)
    age_events(deployment, AWS.readiness_timeout)
    operation = "ssm:DescribeAssociation"
    aws.fail(operation, *[AwsAccessError("AccessDeniedException", "User is not authorized", operation)] * 2)

    waiting = step(deployment, aws)

    assert waiting.state == State.CONFIGURATION
    assert attention(waiting) == (
        "AWS denied ssm:DescribeAssociation. Allow ssm:DescribeAssociation for the role that Sanso uses. "
        "AWS: User is not authorized"
    )
    allowed = step(deployment, aws)
    assert (allowed.state, allowed.attention_code) == (State.SUCCEEDED, "")


def test_a_deployment_does_not_time_out_while_the_portal_is_stopped(
    deployment: Deployment, aws: FakeAws
) -> None:
    """The portal is stopped for longer than the timeout; meanwhile the last server becomes healthy."""
    complete_stacks(deployment, aws)
    set_target_state(aws, "staging", "web", 1, "unhealthy", "Target.Timeout")
    step(deployment, aws)
    stopped = 2 * AWS.readiness_timeout
    age_events(deployment, stopped)
    Observation.objects.update(attempted_at=F("attempted_at") - stopped)
    set_target_state(aws, "staging", "web", 1, "healthy")

    take_step(deployment, aws)

    assert Deployment.objects.get().is_active
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_deleted_stack_fails_a_deployment_after_the_stacks(deployment: Deployment, aws: FakeAws) -> None:
    complete_stacks(deployment, aws)
    Deployment.objects.update(polled_at=None)
    aws.stacks["arn:staging"].status = "DELETE_COMPLETE"

    ended = step(deployment, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "StackGone")
    assert Environment.objects.get().stack_id == ""


def test_every_step_can_be_repeated(deployment: Deployment, aws: FakeAws) -> None:
    """When a worker dies after its step's last statement, the row stays due and the step is repeated."""
    complete_stacks(deployment, aws)
    version = Deployment.objects.get().version
    step(deployment, aws, BAD_GATEWAY)
    numbers = list(Event.objects.values_list("seq", flat=True).order_by("seq"))
    assert numbers == list(range(1, len(numbers) + 1))

    step(deployment, aws, BAD_GATEWAY)

    assert list(Event.objects.values_list("seq", flat=True).order_by("seq")) == numbers
    assert Deployment.objects.get().version > version


def test_a_deployment_becomes_ready_after_a_death_of_the_worker_at_any_write(
    deployment: Deployment, aws: FakeAws
) -> None:
    complete_stacks(deployment, aws)
    poll(aws)
    deaths = 0
    while _dies_at(deaths, deployment, aws):
        deaths += 1
    assert deaths >= 10


def _dies_at(number: int, deployment: Deployment, aws: FakeAws) -> bool:
    """Abort the step before its nth write, and run to the end. Return False if there is no such write."""
    seen = 0

    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            seen += 1
            if seen == number + 1:
                raise KeyboardInterrupt
        return execute(sql, params, many, context)

    with (
        transaction.atomic(),
        patch("deployments.health.steps.site_check.check_site", return_value=SUCCESSFUL),
    ):
        died = False
        try:
            with connection.execute_wrapper(die):
                take_step(deployment, aws)
        except KeyboardInterrupt:
            died = True
        ended = run(deployment, aws)
        numbers = list(Event.objects.of(ended).values_list("seq", flat=True))
        phases = Counter(Event.objects.of(ended).filter(code="phase").values_list("values__phase", flat=True))
        assert (ended.state, ended.last_phase) == (State.SUCCEEDED, State.READY), number
        assert numbers == list(range(1, len(numbers) + 1)), number
        assert set(phases.values()) == {1}, number
        assert Event.objects.of(ended).filter(code="ended").count() == 1, number
        transaction.set_rollback(True)
    return died


def test_a_set_without_servers_is_ready_at_once(deployment: Deployment, aws: FakeAws) -> None:
    deployment.stacks.exclude(path="").delete()

    ended = run(deployment, aws)

    assert (ended.state, ended.last_phase) == (State.SUCCEEDED, State.READY)
    assert ended.ready_at is not None
    assert not SiteProbe.objects.exists()
