"""What is asked for on an environment's page is done once, and what came of it is kept."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from deployments.actions import operate
from deployments.aws.site import SiteCheckResult
from deployments.errors import AwsAccessError, AwsRetryable, QuotaExhausted, UserFixable
from deployments.models import ActionRequest, Association, Environment, Observation, SiteProbe, leases
from deployments.runner import step
from deployments.wording import stored_text
from tests.fakes import FakeAws
from tests.runner.observed.world import configure, look, make_world, server

pytestmark = pytest.mark.django_db
START, SEND = "ssm:StartAssociationsOnce", "ssm:SendCommand"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    environment = make_world(aws)
    look(aws)
    return environment


def carry_out(operation: ActionRequest, aws: FakeAws) -> ActionRequest:
    """Let a worker take one step of it, as the dispatcher would."""
    rows = ActionRequest.objects.active().filter(pk=operation.pk)
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
        step.run_action_request(pk, version, aws)
    return ActionRequest.objects.get(pk=operation.pk)


def ask_again(environment: Environment, *, only_failed: bool = False) -> ActionRequest:
    return operate.request_association_run(
        user=environment.owner,
        environment=environment,
        association_id="staging-app",
        only_failed=only_failed,
    )


def test_an_association_is_run_again_everywhere(aws: FakeAws, environment: Environment) -> None:
    done = carry_out(ask_again(environment), aws)

    assert done.state == "done"
    assert not ActionRequest.objects.exclude(active_key=None).exists()
    assert aws.started_again == [("staging-app", ())]
    assert not Observation.objects.filter(source="associations", due_at__gt=timezone.now()).exists()


def test_it_is_run_again_only_where_it_failed(aws: FakeAws, environment: Environment) -> None:
    bad = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", bad: "Failed"}, run=2)
    look(aws, "associations")

    done = carry_out(ask_again(environment, only_failed=True), aws)

    assert done.state == "done"
    assert aws.started_again == [("staging-app", (bad,))]


def test_it_is_run_again_too_where_a_failure_elsewhere_left_it_out(
    aws: FakeAws, environment: Environment
) -> None:
    """State Manager begins no further run when more have failed than MaxErrors allows."""
    bad, left_out = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {bad: "Failed", left_out: "Skipped"}, run=2)
    look(aws, "associations")

    carry_out(ask_again(environment, only_failed=True), aws)

    assert aws.started_again == [("staging-app", (bad, left_out))]


def test_what_failed_nowhere_is_not_run_again(environment: Environment) -> None:
    with pytest.raises(UserFixable, match="no_failed_instances"):
        ask_again(environment, only_failed=True)
    with pytest.raises(UserFixable, match="association_not_found"):
        operate.request_association_run(
            user=environment.owner, environment=environment, association_id="other", only_failed=False
        )


def test_a_double_click_is_one_wish(aws: FakeAws, environment: Environment) -> None:
    first, second = ask_again(environment), ask_again(environment)

    assert first == second
    carry_out(first, aws)
    assert ask_again(environment) != first


def test_a_worker_that_died_after_the_call_does_not_start_it_twice(
    aws: FakeAws, environment: Environment
) -> None:
    asked = ask_again(environment)
    Association.objects.filter(association_id="staging-app").update(execution_id="")

    def die(call: str) -> None:
        if call == START:
            raise KeyboardInterrupt

    aws.on_call = die
    with pytest.raises(KeyboardInterrupt):
        carry_out(asked, aws)
    aws.on_call = lambda _: None
    configure(aws, "staging", "app", {server("staging", "app", 0): "InProgress"}, run=2)
    execution = aws.execution_rows["staging-app"][0]
    object.__setattr__(execution, "created_at", timezone.now())
    aws.started_again.clear()

    assert carry_out(asked, aws).state == "done"
    assert aws.started_again == []


def test_a_lost_answer_is_asked_again_and_a_denied_call_is_told(
    aws: FakeAws, environment: Environment
) -> None:
    asked = ask_again(environment)
    aws.fail(START, AwsRetryable("ReadTimeoutError", "Read timeout", START), QuotaExhausted(START, 2.0))
    assert carry_out(asked, aws).state == "running"
    assert carry_out(asked, aws).state == "running"
    assert carry_out(asked, aws).state == "done"

    asked = ask_again(environment)
    aws.fail(START, AwsAccessError("AccessDeniedException", "not authorized", START))
    denied = carry_out(asked, aws)
    assert (denied.state, denied.result["sentence"]["params"]["action"]) == ("failed", START)


def test_a_wish_that_never_works_is_given_up(aws: FakeAws, environment: Environment) -> None:
    asked = ask_again(environment)
    aws.fail(START, *[AwsRetryable("ServiceUnavailable", "later", START)] * 20)

    for _ in range(6):
        asked = carry_out(asked, aws)

    assert asked.state == "failed"
    assert not ActionRequest.objects.exclude(active_key=None).exists()


def test_a_saved_time_is_kept_with_who_asked(aws: FakeAws, environment: Environment) -> None:
    asked = operate.request_site_check(user=environment.owner, environment=environment)
    answer = SiteCheckResult(wrote=True, read=True, milliseconds=42)

    with patch("deployments.runner.site_check.check_site", return_value=answer) as site:
        done = carry_out(asked, aws)

    assert (done.state, done.result["milliseconds"], done.result["read"]) == ("done", 42, True)
    probe = SiteProbe.objects.get()
    assert (probe.asked_by, probe.wrote, stored_text(probe.sentence)) == (
        environment.owner,
        True,
        "Write and read succeeded in 42 ms.",
    )
    assert site.call_args.args[0].dns_name == "staging-web.elb.example"


def test_only_a_known_load_balancer_is_asked(aws: FakeAws) -> None:
    unseen = make_world(aws, "unseen")
    with pytest.raises(UserFixable, match="load_balancer_unknown"):
        operate.request_site_check(user=unseen.owner, environment=unseen)
