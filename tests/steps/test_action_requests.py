"""Requests from an environment's page are carried out once, and their results are stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from deployments.aws.ec2 import TaggedInstance
from deployments.aws.site import SiteCheckResult
from deployments.common.errors import AwsAccessError, AwsRetryable, QuotaExhausted, UserFixable
from deployments.common.models import leases
from deployments.common.texts import stored_text
from deployments.environments.models.environments import Environment
from deployments.health.commands import operate
from deployments.health.models.configuration import Association
from deployments.health.models.fleet import FleetInstance
from deployments.health.models.observing import Observation
from deployments.health.models.site import SiteProbe
from deployments.stacks.models.action_requests import ActionRequest
from deployments.steps import step
from tests.builders import make_environment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import configure, make_observed_environment, poll, server

pytestmark = pytest.mark.django_db
START, SEND = "ssm:StartAssociationsOnce", "ssm:SendCommand"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    environment = make_observed_environment(aws)
    poll(aws)
    return environment


def run_step(operation: ActionRequest, aws: FakeAws) -> ActionRequest:
    """Take one step of the request, as a worker does."""
    rows = ActionRequest.objects.active().filter(pk=operation.pk)
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
        step.run_action_request(pk, version, aws)
    return ActionRequest.objects.get(pk=operation.pk)


def request_run(environment: Environment, *, only_failed: bool = False) -> ActionRequest:
    return operate.request_association_run(
        user=environment.owner,
        environment=environment,
        association_id="staging-app",
        only_failed=only_failed,
    )


def test_an_association_is_run_on_all_instances(aws: FakeAws, environment: Environment) -> None:
    done = run_step(request_run(environment), aws)

    assert done.state == "done"
    assert not ActionRequest.objects.exclude(active_key=None).exists()
    assert aws.started_again == [("staging-app", ())]
    assert not Observation.objects.filter(source="associations", due_at__gt=timezone.now()).exists()


def shared(aws: FakeAws, environment: Environment) -> list[str]:
    """Let the association's tag match a server of another environment; return the environment's own."""
    own = [server("staging", "app", number) for number in (0, 1)]
    now = timezone.now()
    FleetInstance.objects.create(
        environment=make_environment("shop", account=environment.account),
        tier="app",
        group="g",
        instance_id="i-shop",
        first_seen_at=now,
        observed_at=now,
    )
    row = aws.association_rows["staging-app"]
    aws.association_rows["staging-app"] = replace(row, targets={"tag:Server": ("App",)})
    tagged = [*own, "i-shop", "i-unknown"]
    aws.tagged_servers = [TaggedInstance(instance_id=one, tags={"Server": "App"}) for one in tagged]
    return own


def test_a_run_on_all_instances_leaves_out_servers_of_others(aws: FakeAws, environment: Environment) -> None:
    own = shared(aws, environment)

    done = run_step(request_run(environment), aws)

    assert (done.state, stored_text(done.result["sentence"])) == ("done", "Requested on 2 instance(s).")
    assert aws.started_again == [("staging-app", tuple(own))]


def test_without_access_to_ec2_the_servers_on_which_it_ran_decide(
    aws: FakeAws, environment: Environment
) -> None:
    own = shared(aws, environment)
    denied = AwsAccessError("AccessDenied", "not authorized", "ec2:DescribeInstances")
    aws.fail("ec2:DescribeInstances", denied, denied)
    run_step(request_run(environment), aws)
    assert aws.started_again == [("staging-app", ())]  # it has not run on another's
    configure(aws, "staging", "app", {own[0]: "Success", own[1]: "Success", "i-shop": "Failed"}, run=2)
    poll(aws, "associations")

    run_step(request_run(environment), aws)

    assert aws.started_again[1:] == [("staging-app", tuple(own))]


def test_an_association_for_servers_of_others_only_is_not_run(aws: FakeAws, environment: Environment) -> None:
    shared(aws, environment)
    aws.tagged_servers = aws.tagged_servers[2:]

    failed = run_step(request_run(environment), aws)

    assert failed.state == "failed"
    assert stored_text(failed.result["sentence"]) == (
        "The association only targets servers of others; none of this environment."
    )
    assert aws.started_again == []


def test_a_tag_with_the_name_of_the_stack_costs_no_call_to_ec2(
    aws: FakeAws, environment: Environment
) -> None:
    shared(aws, environment)
    row = aws.association_rows["staging-app"]
    targets = {**row.targets, "tag:EnvironmentStack": (environment.stack_name,)}
    aws.association_rows["staging-app"] = replace(row, targets=targets)

    run_step(request_run(environment), aws)

    assert aws.started_again == [("staging-app", ())]
    assert "ec2:DescribeInstances" not in aws.calls


def test_an_association_is_run_on_failed_instances_only(aws: FakeAws, environment: Environment) -> None:
    bad = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", bad: "Failed"}, run=2)
    poll(aws, "associations")

    done = run_step(request_run(environment, only_failed=True), aws)

    assert done.state == "done"
    assert aws.started_again == [("staging-app", (bad,))]


def test_skipped_instances_count_as_failed(aws: FakeAws, environment: Environment) -> None:
    """State Manager skips instances when more have failed than MaxErrors allows."""
    bad, left_out = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {bad: "Failed", left_out: "Skipped"}, run=2)
    poll(aws, "associations")

    run_step(request_run(environment, only_failed=True), aws)

    assert aws.started_again == [("staging-app", (bad, left_out))]


def test_an_association_without_failures_cannot_be_run_on_failed_instances(environment: Environment) -> None:
    with pytest.raises(UserFixable, match="no_failed_instances"):
        request_run(environment, only_failed=True)
    with pytest.raises(UserFixable, match="association_not_found"):
        operate.request_association_run(
            user=environment.owner, environment=environment, association_id="other", only_failed=False
        )


def test_a_double_click_creates_one_request(aws: FakeAws, environment: Environment) -> None:
    first, second = request_run(environment), request_run(environment)

    assert first == second
    run_step(first, aws)
    assert request_run(environment) != first


def test_a_run_is_not_started_twice_after_the_death_of_a_worker(
    aws: FakeAws, environment: Environment
) -> None:
    requested = request_run(environment)
    Association.objects.filter(association_id="staging-app").update(execution_id="")

    def die(call: str) -> None:
        if call == START:
            raise KeyboardInterrupt

    aws.on_call = die
    with pytest.raises(KeyboardInterrupt):
        run_step(requested, aws)
    aws.on_call = lambda _: None
    configure(aws, "staging", "app", {server("staging", "app", 0): "InProgress"}, run=2)
    execution = aws.execution_rows["staging-app"][0]
    object.__setattr__(execution, "created_at", timezone.now())
    aws.started_again.clear()

    assert run_step(requested, aws).state == "done"
    assert aws.started_again == []


def test_a_lost_response_is_retried_and_a_denied_call_is_reported(
    aws: FakeAws, environment: Environment
) -> None:
    requested = request_run(environment)
    aws.fail(START, AwsRetryable("ReadTimeoutError", "Read timeout", START), QuotaExhausted(START, 2.0))
    assert run_step(requested, aws).state == "running"
    assert run_step(requested, aws).state == "running"
    assert run_step(requested, aws).state == "done"

    requested = request_run(environment)
    aws.fail(START, AwsAccessError("AccessDeniedException", "not authorized", START))
    denied = run_step(requested, aws)
    assert (denied.state, denied.result["sentence"]["params"]["action"]) == ("failed", START)


def test_a_request_that_keeps_failing_ends(aws: FakeAws, environment: Environment) -> None:
    requested = request_run(environment)
    aws.fail(START, *[AwsRetryable("ServiceUnavailable", "later", START)] * 20)

    for _ in range(6):
        requested = run_step(requested, aws)

    assert requested.state == "failed"
    assert not ActionRequest.objects.exclude(active_key=None).exists()


def test_a_requested_site_check_is_stored_with_its_user(aws: FakeAws, environment: Environment) -> None:
    requested = operate.request_site_check(user=environment.owner, environment=environment)
    answer = SiteCheckResult(wrote=True, read=True, milliseconds=42)

    with patch("deployments.health.steps.site_check.check_site", return_value=answer) as site:
        done = run_step(requested, aws)

    assert (done.state, done.result["milliseconds"], done.result["read"]) == ("done", 42, True)
    probe = SiteProbe.objects.get()
    assert (probe.asked_by, probe.wrote, stored_text(probe.sentence)) == (
        environment.owner,
        True,
        "Write and read succeeded in 42 ms.",
    )
    assert site.call_args.args[0].dns_name == "staging-web.elb.example"


def test_a_site_check_needs_a_known_load_balancer(aws: FakeAws) -> None:
    unseen = make_observed_environment(aws, "unseen")
    with pytest.raises(UserFixable, match="load_balancer_unknown"):
        operate.request_site_check(user=unseen.owner, environment=unseen)
