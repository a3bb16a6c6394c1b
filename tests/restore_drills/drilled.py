"""A database that is observed and can be restored, and drills of it, step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from deployments.aws.rds import Cluster
from deployments.common.models import leases
from deployments.environments.models.environments import Environment
from deployments.restore_drills.commands import request_drill
from deployments.restore_drills.models import FINISHED, RestoreDrill
from deployments.restore_drills.steps import run
from tests.fakes import FakeAws, FakeStack
from tests.health.steps.observed.environments import make_observed_environment, poll

NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    environment = make_observed_environment(aws)
    poll(aws)
    for key, instance in aws.db_instances.items():
        aws.db_instances[key] = replace(instance, vpc_id="vpc-1")
    aws.db_clusters["staging-db"] = replace(
        aws.db_clusters["staging-db"],
        engine="aurora-mysql",
        subnet_group="sanso-subnets",
        earliest_restorable_at=NOW - timedelta(days=1),
        latest_restorable_at=NOW,
    )
    aws.calls.clear()
    return environment


def stacks_of_drills(aws: FakeAws) -> list[FakeStack]:
    return [one for one in aws.stacks.values() if one.name.startswith("sanso-drill-") and not one.parent]


def run_step(aws: FakeAws) -> RestoreDrill:
    """Take one step of the drill, as a worker does after an earlier one has died; RDS restores the copy."""
    rows = RestoreDrill.objects.active()
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        run.run_drill(pk, version, aws)
    for stack in stacks_of_drills(aws):
        stack.outputs = {"Cluster": "copy"}
        engine_version = aws.db_clusters["staging-db"].engine_version
        aws.db_clusters["copy"] = Cluster(
            cluster_id="copy", status="available", engine_version=engine_version
        )
        instance = next(iter(aws.db_instances.values()))
        aws.db_instances["copy-1"] = replace(
            instance, instance_id="copy-1", cluster_id="copy", status="available"
        )
    return RestoreDrill.objects.latest("pk")


def run_all(aws: FakeAws) -> RestoreDrill:
    """Take steps until the drill has finished."""
    for _ in range(60):
        if (drill := run_step(aws)).state == FINISHED:
            return drill
    pytest.fail(f"the drill does not end in {drill.state}")


def requested(environment: Environment) -> RestoreDrill:
    return request_drill(user=environment.owner, environment=environment)


def is_gone(aws: FakeAws) -> bool:
    return all(one.status == "DELETE_COMPLETE" for one in stacks_of_drills(aws))
