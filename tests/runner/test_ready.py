"""After CloudFormation a deployment waits until the environment is ready, says for what, and not for ever."""

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
from deployments.core.intervals import probe_delay
from deployments.core.phases import State
from deployments.core.timeouts import failure_timeout, readiness_timeout
from deployments.errors import Message
from deployments.message_codes import Code
from deployments.models import AssociationRun, Deployment, Environment, Event, Observation, SiteProbe
from deployments.runner import site_check
from deployments.wording import stored_text
from tests.builders import make_environment
from tests.fakes import FakeAws, FakeStack
from tests.runner.conftest import one_tick, run
from tests.runner.observed.world import configure, fill, look, make_parts, retarget, server
from tests.wordings import reason

pytestmark = pytest.mark.django_db
ANSWERED = SiteCheckResult(wrote=True, read=True, milliseconds=31, write_status=200, read_status=200)
SILENT = SiteCheckResult(
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
    """A create whose stacks are complete, in a world where all is well."""
    environment = make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="stacks", stack_id="arn:staging")
    fill(aws, "staging")
    aws.stacks["arn:staging"] = FakeStack(
        "sanso-staging", "arn:staging", "CREATE_COMPLETE", outputs={"URL": "http://staging-web.elb.example/"}
    )
    assert environment.latest
    return environment.latest


def step(deployment: Deployment, aws: FakeAws, answer: SiteCheckResult = ANSWERED) -> Deployment:
    """Let the observers look and the deployment take one step."""
    look(aws)
    with patch("deployments.runner.site_check.check_site", return_value=answer):
        one_tick(deployment, aws)
    return Deployment.objects.for_page().get(pk=deployment.pk)


def after_stacks(deployment: Deployment, aws: FakeAws) -> Deployment:
    return run(deployment, aws, until=lambda d: d.state == State.CONFIGURATION)


def said(deployment: Deployment) -> list[str]:
    return [stored_text(one) for one in deployment.waiting_for]


def rest(by: timedelta) -> None:
    """Let the phases and the tries of the site have been so much earlier."""
    SiteProbe.objects.update(at=F("at") - by)
    Event.objects.update(at=F("at") - by)


def later(deployment: Deployment, by: timedelta) -> None:
    """Let what has happened have happened so much earlier."""
    Event.objects.filter(deployment=deployment).update(at=timezone.now() - by)


def test_an_environment_that_is_well_passes_all_phases_and_is_ready(
    deployment: Deployment, aws: FakeAws
) -> None:
    waiting = after_stacks(deployment, aws)
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


def test_what_was_observed_before_the_stacks_were_complete_does_not_count(
    deployment: Deployment, aws: FakeAws
) -> None:
    look(aws)

    after_stacks(deployment, aws)
    one_tick(deployment, aws)

    deployment.refresh_from_db()
    assert deployment.state == State.CONFIGURATION
    assert "The association of configure-app has not been read from State Manager yet." in said(deployment)


def test_success_of_state_manager_is_not_ready_while_a_target_is_unhealthy(
    deployment: Deployment, aws: FakeAws
) -> None:
    retarget(aws, "staging", "web", 1, "unhealthy", "Target.ResponseCodeMismatch")
    after_stacks(deployment, aws)

    waiting = step(deployment, aws)

    assert waiting.state == State.TRAFFIC
    assert "Target.ResponseCodeMismatch" in said(waiting)[0]
    assert stored_text(Event.objects.filter(code="waiting").get().values["message"]) == said(waiting)[0]
    assert not SiteProbe.objects.exists()

    step(deployment, aws)
    assert Event.objects.filter(code="waiting").count() == 1
    retarget(aws, "staging", "web", 1, "healthy")
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_site_that_does_not_answer_is_not_ready(deployment: Deployment, aws: FakeAws) -> None:
    after_stacks(deployment, aws)

    waiting = step(deployment, aws, SILENT)

    assert waiting.state == State.READY
    assert said(waiting) == ["The site check through the load balancer has not succeeded yet."]
    assert stored_text(SiteProbe.objects.get().sentence) == "/write returns 502: Bad Gateway"
    rest(timedelta(seconds=probe_delay(1, sandbox=False)))
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_site_that_the_portal_cannot_reach_is_ready_without_a_site_check(
    deployment: Deployment, aws: FakeAws
) -> None:
    """ClientCidr may admit the visitors and exclude the portal."""
    after_stacks(deployment, aws)
    for number in range(1, site_check.UNREACHED):
        assert step(deployment, aws, UNREACHED).state == State.READY
        rest(timedelta(seconds=probe_delay(number, sandbox=False)))

    ended = step(deployment, aws, UNREACHED)

    assert ended.state == State.SUCCEEDED
    assert set(SiteProbe.objects.values_list("reached", "read")) == {(False, False)}


def test_a_site_that_was_reached_in_between_is_waited_for(deployment: Deployment, aws: FakeAws) -> None:
    after_stacks(deployment, aws)
    for number, answer in enumerate((UNREACHED, SILENT, UNREACHED, UNREACHED), start=1):
        assert step(deployment, aws, answer).state == State.READY
        rest(timedelta(seconds=probe_delay(number, sandbox=False)))


def test_a_site_that_does_not_answer_is_tried_less_and_less_often(
    deployment: Deployment, aws: FakeAws
) -> None:
    """A try that gets through saves a row in the site's own database."""
    environment, since = deployment.environment, timezone.now() - timedelta(days=1)
    asked = SiteProbe.objects.create(environment=environment, asked_by=deployment.requested_by, at=since)
    after_stacks(deployment, aws)

    for _ in range(3):
        step(deployment, aws, SILENT)
    assert SiteProbe.objects.filter(asked_by=None).count() == 1

    rests = []
    for _ in range(8):
        last = SiteProbe.objects.own_of(environment)[0].at
        after = (n for n in range(60) if site_check.is_due(environment, since, last + timedelta(seconds=n)))
        rests.append(next(after))
        with patch("deployments.runner.site_check.check_site", return_value=SILENT):
            site_check.run_site_check(environment)
    assert rests == [5, 10, 20, *[30] * 5]
    assert SiteProbe.objects.filter(asked_by=None).count() == site_check.KEPT
    assert SiteProbe.objects.filter(pk=asked.pk).exists()


def test_tries_of_the_last_deployment_do_not_hold_up_the_next(deployment: Deployment, aws: FakeAws) -> None:
    for _ in range(site_check.KEPT):
        SiteProbe.objects.create(environment=deployment.environment, at=timezone.now())
    after_stacks(deployment, aws)

    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_failed_configuration_is_waited_for_a_while_and_then_ends_the_deployment(
    deployment: Deployment, aws: FakeAws
) -> None:
    good, bad = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {good: "Success", bad: "Failed"}, run=2)
    after_stacks(deployment, aws)

    waiting = step(deployment, aws)
    assert waiting.state == State.CONFIGURATION
    assert said(waiting)[0] == f"configure-app failed on {bad} (Failed)."

    AssociationRun.objects.update(at=F("at") - failure_timeout(sandbox=False))
    later(deployment, failure_timeout(sandbox=False))
    ended = step(deployment, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "AssociationFailed")
    assert reason(ended) == f"configure-app failed on {bad} (Failed)."
    environment = Environment.objects.get()
    assert (environment.stack_status, environment.stack_id) == ("CREATE_COMPLETE", "arn:staging")
    assert environment.outputs


def test_running_it_again_heals_the_deployment(deployment: Deployment, aws: FakeAws) -> None:
    good, bad = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {good: "Success", bad: "Failed"}, run=2)
    after_stacks(deployment, aws)
    step(deployment, aws)

    configure(aws, "staging", "app", {bad: "Success"}, run=3)

    assert step(deployment, aws).state == State.SUCCEEDED


def test_an_environment_that_never_becomes_ready_ends_with_what_was_missing(
    deployment: Deployment, aws: FakeAws
) -> None:
    after_stacks(deployment, aws)
    later(deployment, readiness_timeout(sandbox=False))

    ended = step(deployment, aws, SILENT)

    assert (ended.state, ended.error_code) == (State.FAILED, "NotReady")
    assert "The site check through the load balancer" in reason(ended)


def test_nothing_is_given_up_on_what_was_seen_before_the_portal_was_stopped(
    deployment: Deployment, aws: FakeAws
) -> None:
    """It is stopped for longer than an environment may take; meanwhile the last server becomes healthy."""
    after_stacks(deployment, aws)
    retarget(aws, "staging", "web", 1, "unhealthy", "Target.Timeout")
    step(deployment, aws)
    stopped = 2 * readiness_timeout(sandbox=False)
    later(deployment, stopped)
    Observation.objects.update(attempted_at=F("attempted_at") - stopped)
    retarget(aws, "staging", "web", 1, "healthy")

    one_tick(deployment, aws)

    assert Deployment.objects.get().is_active
    assert step(deployment, aws).state == State.SUCCEEDED


def test_a_stack_that_is_deleted_meanwhile_ends_the_deployment(deployment: Deployment, aws: FakeAws) -> None:
    after_stacks(deployment, aws)
    Deployment.objects.update(polled_at=None)
    aws.stacks["arn:staging"].status = "DELETE_COMPLETE"

    ended = step(deployment, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "StackGone")
    assert Environment.objects.get().stack_id == ""


def test_every_step_can_be_taken_twice(deployment: Deployment, aws: FakeAws) -> None:
    """A worker that dies after its step's last statement leaves the row due: the step comes again."""
    after_stacks(deployment, aws)
    version = Deployment.objects.get().version
    step(deployment, aws, SILENT)
    numbers = list(Event.objects.values_list("seq", flat=True).order_by("seq"))
    assert numbers == list(range(1, len(numbers) + 1))

    step(deployment, aws, SILENT)

    assert list(Event.objects.values_list("seq", flat=True).order_by("seq")) == numbers
    assert Deployment.objects.get().version > version


def test_a_worker_that_dies_at_any_write_leaves_a_deployment_that_becomes_ready(
    deployment: Deployment, aws: FakeAws
) -> None:
    after_stacks(deployment, aws)
    look(aws)
    deaths = 0
    while _dies_at(deaths, deployment, aws):
        deaths += 1
    assert deaths >= 10


def _dies_at(number: int, deployment: Deployment, aws: FakeAws) -> bool:
    """Let the step die before its nth write, and the next worker go on. False when there is no such write."""
    seen = 0

    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            seen += 1
            if seen == number + 1:
                raise KeyboardInterrupt
        return execute(sql, params, many, context)

    with transaction.atomic(), patch("deployments.runner.site_check.check_site", return_value=ANSWERED):
        died = False
        try:
            with connection.execute_wrapper(die):
                one_tick(deployment, aws)
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


def test_a_set_without_servers_passes_straight_through(deployment: Deployment, aws: FakeAws) -> None:
    deployment.stacks.exclude(path="").delete()

    ended = run(deployment, aws)

    assert (ended.state, ended.last_phase) == (State.SUCCEEDED, State.READY)
    assert ended.ready_at is not None
    assert not SiteProbe.objects.exists()
