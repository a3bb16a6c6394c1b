"""Errors of one source: reported, retried, and never those of another source."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.common.errors import AwsAccessError, AwsRetryable, QuotaExhausted
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.observing import Observer
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    SOURCES,
    configure,
    observation,
    poll,
    problems,
    reload,
    server,
)

pytestmark = pytest.mark.django_db


def test_a_denied_action_is_reported_and_other_sources_are_polled(
    aws: FakeAws, environment: Environment
) -> None:
    denied = "ssm:DescribeAssociationExecutions"
    aws.fail(denied, *[AwsAccessError("AccessDeniedException", "not authorized", denied)] * 20)

    poll(aws)

    problem = observation(environment, "associations")
    assert (problem.problem_code, problem.problem_sentence["params"]["action"]) == (
        "AccessDeniedException",
        denied,
    )
    assert problem.observed_at is not None
    assert set(Association.objects.values_list("status", flat=True)) == {"Success"}
    assert list(problems().values_list("source", flat=True)) == ["associations"]

    aws.before.clear()
    poll(aws, "associations")
    assert not problems().exists()
    assert AssociationRun.objects.count() == 4


@pytest.mark.parametrize(
    "denied", ["ssm:DescribeAssociationExecutions", "ssm:DescribeAssociationExecutionTargets"]
)
def test_a_denied_action_is_reported_until_it_succeeds(
    aws: FakeAws, environment: Environment, denied: str
) -> None:
    poll(aws)
    bad = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", bad: "Failed"}, run=2)
    aws.fail(denied, *[AwsAccessError("AccessDeniedException", "not authorized", denied)] * 20)

    for _ in range(3):  # nothing changes in AWS
        poll(aws, "associations")
        assert observation(environment, "associations").problem_code == "AccessDeniedException"

    aws.before.clear()
    poll(aws, "associations")
    assert not problems().exists()
    assert AssociationRun.objects.newest_of_each().get(instance_id=bad).status == "Failed"


def test_a_source_that_times_out_becomes_stale_and_the_others_do_not(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws)
    before = observation(environment, "targets").observed_at
    stall = "elasticloadbalancing:DescribeTargetHealth"
    aws.fail(stall, *[AwsRetryable("ReadTimeoutError", "Read timeout", stall)] * 3)

    for _ in range(3):
        poll(aws)

    targets = observation(environment, "targets")
    assert targets.observed_at == before
    assert targets.problem_code == "ReadTimeoutError"
    assert Target.objects.count() == 4
    fleet = observation(environment, "fleet")
    assert (fleet.problem_code, fleet.observed_at != before) == ("", True)

    poll(aws)
    assert observation(environment, "targets").problem_code == ""


def test_one_lost_response_is_not_reported(aws: FakeAws, environment: Environment) -> None:
    stall = "rds:DescribeDBClusters"
    aws.fail(stall, AwsRetryable("ReadTimeoutError", "Read timeout", stall))

    poll(aws)

    assert observation(environment, "database").problem_code == ""
    assert observation(environment, "database").observed_at is None


def test_stale_health_becomes_unknown_when_no_call_succeeds(aws: FakeAws, environment: Environment) -> None:
    poll(aws)
    old = timezone.now() - timedelta(minutes=6)
    Target.objects.update(observed_at=old)
    Environment.objects.update(health_at=old)
    stall = "elasticloadbalancing:DescribeLoadBalancers"
    aws.fail(stall, AwsRetryable("ReadTimeoutError", "Read timeout", stall))

    poll(aws, "targets")

    assert reload(environment).health_word == "unknown"


def test_an_exhausted_quota_is_not_reported_and_the_poll_is_retried(
    aws: FakeAws, environment: Environment
) -> None:
    call = "elasticloadbalancing:DescribeTargetHealth"
    aws.fail(call, QuotaExhausted(call, 3.0))
    before = timezone.now()

    poll(aws, "targets")

    row = observation(environment, "targets")
    assert (row.problem_code, row.failures, row.observed_at) == ("", 0, None)
    assert row.due_at is not None
    assert row.due_at <= timezone.now()
    observer = Observer.objects.get(source="targets")
    assert observer.due_at is not None
    assert before + timedelta(seconds=2.9) < observer.due_at < timezone.now() + timedelta(seconds=3.1)


def test_an_internal_error_of_a_source_is_retried_in_the_next_round(
    aws: FakeAws, environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    aws.fail("rds:DescribeDBClusters", ZeroDivisionError())

    poll(aws)

    assert "a round failed" in caplog.text
    assert observation(environment, "targets").observed_at is not None
    poll(aws, "database")
    assert observation(environment, "database").observed_at is not None


def test_missing_credentials_are_reported_for_every_source(aws: FakeAws, environment: Environment) -> None:
    def raise_access_error(_ref: object) -> object:
        raise AwsAccessError("NoCredentialsError", "Unable to locate credentials", "sts:AssumeRole")

    poll(raise_access_error)  # type: ignore[arg-type]

    assert problems().count() == len(SOURCES)
