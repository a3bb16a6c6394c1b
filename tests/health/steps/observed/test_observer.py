"""Observers: stored observations and polling frequency."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.common.errors import QuotaExhausted
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import AFTER_STACKS, State
from deployments.health.models.balancing import LoadBalancer, Target
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.database import DatabaseMember
from deployments.health.models.fleet import FleetInstance, ScalingActivity
from deployments.health.models.observing import Observation, Observer
from deployments.health.models.samples import HealthSample
from deployments.stacks.models.stacks import Stack
from deployments.steps import step
from tests.builders import make_account, make_deployment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    activity,
    configure,
    make_observed_environment,
    observation,
    poll,
    problems,
    reload,
    server,
    set_target_state,
)

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def test_a_healthy_environment_is_healthy_after_one_poll(aws: FakeAws, environment: Environment) -> None:
    poll(aws)

    seen = reload(environment)
    assert (seen.health_word, seen.health_sentence) == ("healthy", {})
    assert {row.tier: row.dns_name for row in LoadBalancer.objects.all()} == {
        "alb": "staging-web.elb.example",
        "nlb": "staging-app.elb.example",
    }
    assert Counter(Target.objects.values_list("tier", "state")) == {
        ("web", "healthy"): 2,
        ("app", "healthy"): 2,
    }
    assert FleetInstance.objects.present().count() == 4
    assert set(AssociationRun.objects.values_list("status", flat=True)) == {"Success"}
    assert DatabaseMember.objects.filter(is_writer=True).count() == 1
    assert not problems().exists()
    assert None not in Observation.objects.values_list("observed_at", flat=True)


def test_an_unhealthy_app_server_degrades_the_environment_and_is_in_the_history(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws)
    set_target_state(aws, "staging", "app", 1, "unhealthy", "Target.FailedHealthChecks")
    poll(aws, "targets")

    seen = reload(environment)
    assert seen.health_word == "degraded"
    assert seen.health_sentence["code"] == "server_fails_check"

    set_target_state(aws, "staging", "app", 1, "healthy")
    poll(aws, "targets")
    words = list(
        HealthSample.objects.filter(tier="app").order_by("at").values_list("word", "healthy", "total")
    )
    assert reload(environment).health_word == "healthy"
    assert words[-2:] == [("degraded", 1, 2), ("healthy", 2, 2)]


def test_since_is_when_the_state_began(aws: FakeAws, environment: Environment) -> None:
    poll(aws, "targets")
    first = Target.objects.get(target_id=server("staging", "app", 0)).since
    poll(aws, "targets")
    assert Target.objects.get(target_id=server("staging", "app", 0)).since == first

    set_target_state(aws, "staging", "app", 0, "unhealthy", "Target.Timeout")
    poll(aws, "targets")
    assert Target.objects.get(target_id=server("staging", "app", 0)).since > first


def test_a_replaced_instance_keeps_its_row_and_the_activities_of_the_group_are_stored(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws)
    group = aws.scaling_groups["staging-app"]
    aws.calls.clear()
    poll(aws, "fleet")
    assert "autoscaling:DescribeScalingActivities" not in aws.calls

    new = replace(group.instances[0], instance_id="i-new", lifecycle="Pending")
    aws.scaling_groups["staging-app"] = replace(group, instances=(group.instances[1], new))
    now = timezone.now()
    aws.scaling_activities["staging-app"] = [
        activity("staging-app", "launch i-new", "PreInService", now, progress=30, ended_at=None),
        activity("staging-app", "terminate", "Successful", now, cause="instance was taken out of service"),
    ]
    poll(aws, "fleet")

    assert FleetInstance.objects.get(instance_id=server("staging", "app", 0)).gone_at is not None
    assert FleetInstance.objects.get(instance_id="i-new").lifecycle == "Pending"
    assert set(ScalingActivity.objects.filter(tier="app").values_list("status", flat=True)) == {
        "PreInService",
        "Successful",
    }

    aws.scaling_activities["staging-app"][0] = activity("staging-app", "launch i-new", "Successful", now)
    poll(aws, "fleet")
    assert ScalingActivity.objects.get(description="launch i-new an instance").status == "Successful"


def test_a_failover_swaps_the_roles(aws: FakeAws, environment: Environment) -> None:
    poll(aws, "database")
    before = dict(DatabaseMember.objects.values_list("instance_id", "since"))
    cluster = aws.db_clusters["staging-db"]
    swapped = tuple(replace(member, is_writer=not member.is_writer) for member in cluster.members)
    aws.db_clusters["staging-db"] = replace(cluster, members=swapped)

    poll(aws, "database")

    assert dict(DatabaseMember.objects.values_list("instance_id", "is_writer")) == {
        "staging-a": False,
        "staging-b": True,
    }
    assert all(row.since > before[row.instance_id] for row in DatabaseMember.objects.all())


def test_the_failed_task_is_read_from_the_output(aws: FakeAws, environment: Environment) -> None:
    poll(aws)
    bad = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", bad: "Failed"}, run=2)
    at = aws.execution_target_rows["staging-app-2"][1].at
    assert at is not None
    began = f"{at - timedelta(seconds=9):%Y-%m-%dT%H-%M-%S}.000Z"
    folder = f"app/{bad}/staging-app/{began}/awsrunShellScript/runShellScript"
    aws.stored["logs", f"{folder}/stdout"] = (
        b"TASK [Start the site] ****\n"
        b'fatal: [localhost]: FAILED! => {"msg": "no such service"}\n\n'
        b"PLAY RECAP ****\nlocalhost : ok=3 changed=1 unreachable=0 failed=1\n"
    )
    aws.stored["logs", f"{folder}/stderr"] = b"[WARNING]: something\n"

    poll(aws, "associations")

    run = AssociationRun.objects.newest_of_each().get(instance_id=bad)
    assert (run.status, run.failed_task, run.failed_message) == (
        "Failed",
        "Start the site",
        "no such service",
    )
    assert (run.recap["ok"], run.duration) == (3, 30.0)
    assert "fatal: [localhost]" in run.output
    association = Association.objects.get(tier="app")
    assert (association.status, association.counts) == ("Failed", {"Success": 1, "Failed": 1})
    assert reload(environment).health_word == "degraded"

    aws.calls.clear()
    poll(aws, "associations")
    assert "s3:GetObject" not in aws.calls

    configure(aws, "staging", "app", {bad: "Success"}, run=3)
    poll(aws, "associations")
    latest = dict(
        AssociationRun.objects.newest_of_each()
        .filter(association=association)
        .values_list("instance_id", "status")
    )
    assert latest == {server("staging", "app", 0): "Success", bad: "Success"}
    assert reload(environment).health_word == "healthy"


def test_executions_are_read_only_when_an_association_has_changed(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws)
    aws.calls.clear()

    poll(aws, "associations")

    assert aws.calls.count("ssm:DescribeAssociation") == 2
    assert "ssm:DescribeAssociationExecutions" not in aws.calls


def test_rows_of_deleted_resources_are_deleted(aws: FakeAws, environment: Environment) -> None:
    poll(aws)
    del aws.association_rows["staging-web"]
    poll(aws, "associations")
    assert list(Association.objects.values_list("tier", flat=True)) == ["app"]

    Stack.objects.filter(deployment__environment=environment).delete()
    poll(aws)

    for rows in (Target, LoadBalancer, Association, DatabaseMember):
        assert not rows.objects.exists()
    assert not FleetInstance.objects.present().exists()
    assert reload(environment).health_word == "unknown"


def test_the_health_of_an_environment_does_not_change_during_its_deletion(
    aws: FakeAws, environment: Environment
) -> None:
    poll(aws)
    make_deployment(environment, kind="delete", state="stacks")
    aws.targets.clear()
    samples = HealthSample.objects.count()

    poll(aws, "targets")

    assert reload(environment).health_word == "healthy"
    assert HealthSample.objects.count() == samples


def test_watched_environments_are_polled_more_often_and_first(aws: FakeAws) -> None:
    account = make_account()
    quiet = make_observed_environment(aws, "quiet", account=account)
    watched = make_observed_environment(
        aws, "watched", account=account, watched_until=timezone.now() + timedelta(seconds=30)
    )
    poll(aws, "targets")
    aws.calls.clear()
    call = "elasticloadbalancing:DescribeTargetHealth"
    aws.on_call = lambda _: aws.fail(call, QuotaExhausted(call, 3.0)) if aws.calls.count(call) == 3 else None

    poll(aws, "targets")
    aws.on_call = lambda _: None
    rows = Observation.objects.filter(source="targets")
    assert [row.environment_id for row in rows.filter(due_at__gt=timezone.now())] == [watched.pk]

    poll(aws, "targets", every=False)
    first, second = rows.order_by("due_at").values_list("environment", "due_at")
    assert (first[0], second[0]) == (watched.pk, quiet.pk)
    assert first[1] is not None
    assert second[1] is not None
    assert second[1] - first[1] > timedelta(seconds=50)


@pytest.mark.parametrize("state", AFTER_STACKS)
def test_an_environment_is_polled_more_often_in_each_phase_that_waits_for_it(
    aws: FakeAws, environment: Environment, state: State
) -> None:
    make_deployment(environment, kind="update", state=state)

    poll(aws, "targets")

    interval = environment.account.timings.source_interval("targets", fast=True)
    due = observation(environment, "targets").due_at
    assert due is not None
    assert due <= timezone.now() + timedelta(seconds=interval)


def test_a_deleted_environment_is_not_polled(aws: FakeAws, environment: Environment) -> None:
    poll(aws)
    Environment.objects.update(deleted_at=timezone.now(), live_key=None)
    aws.calls.clear()

    poll(aws)

    assert aws.calls == []


def test_an_environment_without_observed_resources_costs_no_call(aws: FakeAws) -> None:
    environment = make_observed_environment(aws, "bare")
    Stack.objects.filter(deployment__environment=environment).delete()

    poll(aws)

    assert aws.calls == []
    assert reload(environment).health_word == "unknown"
    assert not HealthSample.objects.exists()


def test_a_stale_or_duplicate_message_does_nothing(aws: FakeAws, environment: Environment) -> None:
    poll(aws)
    observer = Observer.objects.get(source="fleet")
    aws.calls.clear()

    assert not step.run_observer(observer.pk, observer.version - 1, aws)
    assert aws.calls == []


def test_environments_share_calls_where_the_api_allows_it(aws: FakeAws) -> None:
    account = make_account()
    for number in range(20):
        make_observed_environment(aws, f"env{number}", account=account)
    poll(aws)
    aws.calls.clear()

    poll(aws)

    calls = Counter(aws.calls)
    assert calls["autoscaling:DescribeAutoScalingGroups"] == 1
    assert calls["rds:DescribeDBInstances"] == 1
    assert calls["rds:DescribeDBClusters"] == 2  # one of the source maintenance
    assert calls["elasticloadbalancing:DescribeLoadBalancers"] == 1
    assert calls["elasticloadbalancing:DescribeTargetHealth"] == calls["ssm:DescribeAssociation"] == 20
