"""Pending maintenance, newer versions and the end of support are observed with few calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from deployments.aws.rds_maintenance import EngineSupport, PendingAction, UpgradeTarget
from deployments.aws.secretsmanager import SecretAge
from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from deployments.environments.rules.timings import AWS
from deployments.health.models.maintenance import DatabaseMaintenance, DatabaseSecret, PendingMaintenance
from deployments.stacks.models.stacks import Stack
from tests.builders import make_account, make_resource
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    ENGINE,
    VERSION,
    make_observed_environment,
    observation,
    poll,
    reload,
)

pytestmark = pytest.mark.django_db
NEWER = "8.0.mysql_aurora.3.12.0"
END = datetime(2028, 4, 30, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def announced(aws: FakeAws) -> FakeAws:
    """Return the account after AWS has announced maintenance and a version."""
    aws.engine_targets = {VERSION: [UpgradeTarget(engine_version=NEWER)]}
    aws.engine_support = [EngineSupport(engine=ENGINE, major_version="8.0", standard_ends_at=END)]
    aws.pending_maintenance = [
        PendingAction(kind="cluster", resource_id="staging-db", action="system-update"),
        PendingAction(kind="db", resource_id="staging-a", action="os-upgrade", description="New OS"),
        PendingAction(kind="cluster", resource_id="staging-a", action="of-another-cluster"),
        PendingAction(kind="db", resource_id="theirs", action="os-upgrade"),
    ]
    return aws


def test_a_cluster_has_the_versions_and_the_support_that_rds_reports(
    announced: FakeAws, environment: Environment
) -> None:
    poll(announced, "maintenance")

    row = DatabaseMaintenance.objects.get()
    assert (row.cluster_id, row.engine_version, row.newer_versions) == ("staging-db", VERSION, [NEWER])
    assert row.standard_support_ends_at == END
    assert row.maintenance_window == "sun:18:00-sun:18:30"


def test_pending_actions_are_those_of_the_cluster_and_its_instances_until_they_are_applied(
    announced: FakeAws, environment: Environment
) -> None:
    poll(announced, "maintenance")

    rows = PendingMaintenance.objects.soonest_of(environment)
    assert [(row.cluster_id, row.instance_id, row.action) for row in rows] == [
        ("staging-db", "", "system-update"),
        ("staging-db", "staging-a", "os-upgrade"),
    ]

    forced = timezone.now() + timedelta(days=9)
    announced.pending_maintenance = [
        PendingAction(
            kind="db", resource_id="staging-a", action="os-upgrade", applies_at=forced, forced_at=forced
        )
    ]
    poll(announced, "maintenance")

    (row,) = PendingMaintenance.objects.soonest_of(environment)
    assert (row.instance_id, row.forced_at, row.applies_at) == ("staging-a", forced, forced)
    assert reload(environment).health_word != "unhealthy"


def test_fifty_environments_share_calls_which_are_made_every_hour(aws: FakeAws) -> None:
    account = make_account()
    for number in range(50):
        make_observed_environment(aws, f"env{number}", account=account)

    poll(aws, "maintenance")

    assert aws.calls == [
        "rds:DescribeDBClusters",
        "rds:DescribePendingMaintenanceActions",
        "rds:DescribeDBEngineVersions",
        "rds:DescribeDBMajorEngineVersions",
    ]
    assert AWS.source_interval("maintenance", fast=False) == 3600


@pytest.mark.parametrize(
    "denied",
    [
        "rds:DescribePendingMaintenanceActions",
        "rds:DescribeDBEngineVersions",
        "rds:DescribeDBMajorEngineVersions",
    ],
)
def test_without_permission_the_source_names_the_action_and_keeps_what_it_knew(
    announced: FakeAws, environment: Environment, denied: str
) -> None:
    poll(announced)
    announced.fail(denied, AwsAccessError("AccessDenied", "not authorized", denied))

    poll(announced)

    problem = observation(environment, "maintenance")
    assert problem.problem_sentence["params"]["action"] == denied
    assert observation(environment, "database").problem_code == ""
    row = DatabaseMaintenance.objects.get()
    assert (row.newer_versions, row.standard_support_ends_at) == ([NEWER], END)
    assert PendingMaintenance.objects.count() == 2
    assert reload(environment).health_word == "healthy"


MANAGED = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds!cluster-1-AbCdEf"
OF_STACK = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sanso-staging-AbCdEf"


@pytest.fixture
def secrets(aws: FakeAws, environment: Environment) -> FakeAws:
    """Return the account with the secrets of the administrator and of the stack."""
    aws.db_clusters["staging-db"] = replace(aws.db_clusters["staging-db"], secret_arn=MANAGED)
    stack = Stack.objects.get(path="Aurora")
    make_resource(stack, "Secret", type="AWS::SecretsManager::Secret", physical_id=OF_STACK)
    at = timezone.now() - timedelta(days=40)
    aws.secret_ages = {
        MANAGED: SecretAge(arn=MANAGED, name="rds!cluster-1", value_created_at=at, rotates=True),
        OF_STACK: SecretAge(arn=OF_STACK, name="sanso-staging", value_created_at=at),
    }
    return aws


def test_secrets_have_the_age_of_their_value_and_their_owner(
    secrets: FakeAws, environment: Environment
) -> None:
    poll(secrets, "maintenance")

    rows = DatabaseSecret.objects.order_by("name").values_list("name", "cluster_id", "rotates")
    assert list(rows) == [("rds!cluster-1", "staging-db", True), ("sanso-staging", "", False)]

    rotated = timezone.now()
    secrets.secret_ages[MANAGED] = replace(
        secrets.secret_ages[MANAGED], value_created_at=rotated, rotated_at=rotated
    )
    poll(secrets, "maintenance")

    assert DatabaseSecret.objects.get(arn=MANAGED).value_created_at == rotated


def test_without_permission_the_ages_stay_and_a_cluster_takes_its_secret_with_it(
    secrets: FakeAws, environment: Environment
) -> None:
    poll(secrets, "maintenance")
    denied = "secretsmanager:DescribeSecret"
    secrets.fail(denied, *[AwsAccessError("AccessDeniedException", "not authorized", denied)] * 2)
    poll(secrets, "maintenance")

    assert observation(environment, "maintenance").problem_sentence["params"]["action"] == denied
    assert DatabaseSecret.objects.count() == 2

    secrets.db_clusters.clear()
    poll(secrets, "maintenance")

    assert not DatabaseSecret.objects.exists()


def test_what_belongs_to_a_cluster_goes_with_it(announced: FakeAws, environment: Environment) -> None:
    poll(announced, "maintenance")
    announced.db_clusters.clear()

    poll(announced, "maintenance")

    assert not DatabaseMaintenance.objects.exists()
    assert not PendingMaintenance.objects.exists()
