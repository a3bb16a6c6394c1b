"""The metrics of databases are read with few calls, kept in five minutes, and thinned to hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from deployments.aws.cloudwatch import ClusterMetrics
from deployments.aws.rds import Member
from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from deployments.environments.rules.timings import AWS
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.rules.database_metrics import begin_of
from deployments.health.steps.observe import history
from tests.builders import make_account
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import make_observed_environment, observation, poll

pytestmark = pytest.mark.django_db


def measured(aws: FakeAws, *numbers: tuple[int, float, float | None]) -> None:
    """Let CloudWatch have these periods: minutes ago, connections of the writer, lag."""
    now = timezone.now()
    aws.metrics["staging-db"] = [
        ClusterMetrics(
            start=begin_of(now - timedelta(minutes=minutes)),
            writer_connections=connections,
            replica_lag_ms=lag,
        )
        for minutes, connections, lag in numbers
    ]


def kept() -> list[tuple[float | None, float | None, float | None]]:
    rows = DatabaseMetrics.objects.order_by("start")
    return [(row.writer_connections, row.reader_connections, row.replica_lag_ms) for row in rows]


def test_each_period_is_kept_once_with_its_latest_numbers(aws: FakeAws, environment: Environment) -> None:
    measured(aws, (60, 20.0, 17.0), (0, 21.0, None))
    poll(aws, "metrics")
    assert kept() == [(20.0, None, 17.0), (21.0, None, None)]

    last = aws.metrics["staging-db"][-1]
    aws.metrics["staging-db"][-1] = replace(last, writer_connections=24.0, replica_lag_ms=19.0)
    poll(aws, "metrics")
    assert kept() == [(20.0, None, 17.0), (24.0, None, 19.0)]


def test_what_cloudwatch_does_not_have_has_no_row(aws: FakeAws, environment: Environment) -> None:
    poll(aws, "metrics")

    assert kept() == []
    assert observation(environment, "metrics").problem_code == ""


def test_fifty_environments_share_a_call_which_is_made_every_hour(aws: FakeAws) -> None:
    account = make_account()
    for number in range(50):
        make_observed_environment(aws, f"env{number}", account=account)

    poll(aws, "metrics")

    assert aws.calls == ["cloudwatch:GetMetricData"]
    assert AWS.source_interval("metrics", fast=False) == 3600
    assert AWS.source_interval("metrics", fast=True) == 60


def test_without_permission_the_source_names_the_action_and_keeps_what_it_knew(
    aws: FakeAws, environment: Environment
) -> None:
    measured(aws, (5, 20.0, 17.0))
    poll(aws, "metrics")
    denied = "cloudwatch:GetMetricData"
    aws.fail(denied, AwsAccessError("AccessDenied", "not authorized", denied))

    poll(aws, "metrics")

    assert observation(environment, "metrics").problem_sentence["params"]["action"] == denied
    assert kept() == [(20.0, None, 17.0)]


def fail_over(aws: FakeAws, writer: str) -> None:
    """Make an instance of the cluster its writer."""
    members = tuple(Member(instance_id=name, is_writer=name == writer) for name in ("staging-a", "staging-b"))
    aws.db_clusters["staging-db"] = replace(aws.db_clusters["staging-db"], members=members)


def test_a_failover_is_kept_when_another_instance_is_the_writer(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws, "database")
    poll(aws, "database")
    assert not DatabaseFailover.objects.exists()

    fail_over(aws, "staging-b")
    poll(aws, "database")
    poll(aws, "database")

    [found] = DatabaseFailover.objects.newest_of(environment)
    assert (found.cluster_id, found.previous_writer_id, found.writer_id) == (
        "staging-db",
        "staging-a",
        "staging-b",
    )

    fail_over(aws, "staging-a")
    poll(aws, "database")
    assert DatabaseFailover.objects.newest_of(environment)[0].writer_id == "staging-a"


def test_after_a_day_the_maximum_of_each_hour_remains_and_later_nothing(
    aws: FakeAws, environment: Environment
) -> None:
    now = timezone.now()
    hour = begin_of(now - timedelta(hours=30), timedelta(hours=1))
    for minutes, connections, lag in ((0, 20.0, None), (5, 26.0, 40.0), (55, 22.0, 12.0), (60, 21.0, None)):
        DatabaseMetrics.objects.create(
            environment=environment,
            cluster_id="staging-db",
            start=hour + timedelta(minutes=minutes),
            writer_connections=connections,
            replica_lag_ms=lag,
        )

    assert history.prune(now) == 2
    assert kept() == [(26.0, None, 40.0), (21.0, None, None)]
    assert history.prune(now) == 0

    assert history.prune(now + timedelta(days=settings.SANSO_HEALTH_DAYS)) == 2
    assert kept() == []
