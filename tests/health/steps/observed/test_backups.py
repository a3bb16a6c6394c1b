"""Retention, restorable times and snapshots of databases are observed with few calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from deployments.environments.rules.timings import AWS
from deployments.health.models.database import DatabaseCluster, DatabaseSnapshot
from deployments.health.rules.backups import CAUSE_TAG
from tests.builders import make_account
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import make_observed_environment, observation, poll, reload

pytestmark = pytest.mark.django_db


def snapshot(name: str, cluster: str = "staging-db", **values: object) -> ClusterSnapshot:
    given: dict[str, object] = {"kind": "manual", "status": "available", "progress": 100, "size": 3}
    return ClusterSnapshot(snapshot_id=name, cluster_id=cluster, **(given | values))  # type: ignore[arg-type]


def test_a_cluster_has_the_times_that_rds_reports(aws: FakeAws, environment: Environment) -> None:
    now = timezone.now()
    aws.db_clusters["staging-db"] = replace(
        aws.db_clusters["staging-db"],
        backup_retention_days=7,
        backup_window="17:00-17:30",
        earliest_restorable_at=now - timedelta(days=7),
        latest_restorable_at=now - timedelta(minutes=5),
    )

    poll(aws, "database")

    row = DatabaseCluster.objects.get()
    assert (row.backup_retention_days, row.backup_window) == (7, "17:00-17:30")
    assert row.latest_restorable_at == now - timedelta(minutes=5)
    assert row.earliest_restorable_at == now - timedelta(days=7)


def test_snapshots_follow_those_of_rds(aws: FakeAws, environment: Environment) -> None:
    now = timezone.now()
    aws.db_snapshots = {
        "rds:a": snapshot("rds:a", kind="automated", created_at=now - timedelta(hours=3)),
        "sanso-1": snapshot("sanso-1", status="creating", progress=20, tags={CAUSE_TAG: "requested"}),
        "theirs": snapshot("theirs", cluster="another-db"),
    }
    poll(aws, "backups")

    rows = DatabaseSnapshot.objects.newest_of(environment)
    assert [(row.snapshot_id, row.cause, row.status) for row in rows] == [
        ("sanso-1", "requested", "creating"),
        ("rds:a", "automated", "available"),
    ]

    aws.db_snapshots["sanso-1"] = snapshot("sanso-1", created_at=now, tags={CAUSE_TAG: "requested"})
    del aws.db_snapshots["rds:a"]
    poll(aws, "backups")

    (row,) = DatabaseSnapshot.objects.newest_of(environment)
    assert (row.snapshot_id, row.status, row.progress, row.created_at) == ("sanso-1", "available", 100, now)
    assert reload(environment).health_word != "unhealthy"


def test_fifty_environments_share_a_call_which_is_made_every_five_minutes(aws: FakeAws) -> None:
    account = make_account()
    for number in range(50):
        make_observed_environment(aws, f"env{number}", account=account)

    poll(aws, "backups")

    assert aws.calls == ["rds:DescribeDBClusterSnapshots"]
    assert AWS.source_interval("backups", fast=False) == 300


def test_without_permission_the_source_names_the_action_and_keeps_what_it_knew(
    aws: FakeAws, environment: Environment
) -> None:
    aws.db_snapshots = {"sanso-1": snapshot("sanso-1")}
    poll(aws)
    denied = "rds:DescribeDBClusterSnapshots"
    aws.fail(denied, AwsAccessError("AccessDenied", "not authorized", denied))

    poll(aws)

    problem = observation(environment, "backups")
    assert problem.problem_sentence["params"]["action"] == denied
    assert observation(environment, "database").problem_code == ""
    assert DatabaseSnapshot.objects.count() == 1
    assert reload(environment).health_word == "healthy"
