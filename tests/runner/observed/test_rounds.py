"""What is observed of an environment, how often, and what an error of one source does not do to others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.errors import AwsAccessError, AwsRetryable, QuotaExhausted
from deployments.models import (
    Association,
    AssociationRun,
    DatabaseMember,
    Environment,
    FleetInstance,
    HealthSample,
    LoadBalancer,
    Observation,
    Observer,
    ScalingActivity,
    Stack,
    Target,
)
from deployments.runner import step
from tests.builders import make_account, make_deployment
from tests.fakes import FakeAws
from tests.runner.observed.world import (
    activity,
    configure,
    look,
    make_world,
    observation,
    problems,
    reread,
    retarget,
    server,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    return make_world(aws)


def test_an_environment_that_is_well_is_healthy_after_one_look(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)

    seen = reread(environment)
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


def test_an_unhealthy_app_server_degrades_and_the_history_shows_the_dip(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
    retarget(aws, "staging", "app", 1, "unhealthy", "Target.FailedHealthChecks")
    look(aws, "targets")

    seen = reread(environment)
    assert seen.health_word == "degraded"
    assert seen.health_sentence["code"] == "target_failed_checks"

    retarget(aws, "staging", "app", 1, "healthy")
    look(aws, "targets")
    words = list(
        HealthSample.objects.filter(tier="app").order_by("at").values_list("word", "healthy", "total")
    )
    assert reread(environment).health_word == "healthy"
    assert words[-2:] == [("degraded", 1, 2), ("healthy", 2, 2)]


def test_since_tells_how_long_a_state_lasts(aws: FakeAws, environment: Environment) -> None:
    look(aws, "targets")
    first = Target.objects.get(target_id=server("staging", "app", 0)).since
    look(aws, "targets")
    assert Target.objects.get(target_id=server("staging", "app", 0)).since == first

    retarget(aws, "staging", "app", 0, "unhealthy", "Target.Timeout")
    look(aws, "targets")
    assert Target.objects.get(target_id=server("staging", "app", 0)).since > first


def test_a_replaced_instance_leaves_its_trace_and_what_its_group_did(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
    group = aws.scaling_groups["staging-app"]
    aws.calls.clear()
    look(aws, "fleet")
    assert "autoscaling:DescribeScalingActivities" not in aws.calls

    new = replace(group.instances[0], instance_id="i-new", lifecycle="Pending")
    aws.scaling_groups["staging-app"] = replace(group, instances=(group.instances[1], new))
    now = timezone.now()
    aws.scaling_activities["staging-app"] = [
        activity("staging-app", "launch i-new", "PreInService", now, progress=30, ended_at=None),
        activity("staging-app", "terminate", "Successful", now, cause="instance was taken out of service"),
    ]
    look(aws, "fleet")

    assert FleetInstance.objects.get(instance_id=server("staging", "app", 0)).gone_at is not None
    assert FleetInstance.objects.get(instance_id="i-new").lifecycle == "Pending"
    assert set(ScalingActivity.objects.filter(tier="app").values_list("status", flat=True)) == {
        "PreInService",
        "Successful",
    }

    aws.scaling_activities["staging-app"][0] = activity("staging-app", "launch i-new", "Successful", now)
    look(aws, "fleet")
    assert ScalingActivity.objects.get(description="launch i-new an instance").status == "Successful"


def test_a_failover_swaps_the_roles(aws: FakeAws, environment: Environment) -> None:
    look(aws, "database")
    before = dict(DatabaseMember.objects.values_list("instance_id", "since"))
    cluster = aws.db_clusters["staging-db"]
    swapped = tuple(replace(member, is_writer=not member.is_writer) for member in cluster.members)
    aws.db_clusters["staging-db"] = replace(cluster, members=swapped)

    look(aws, "database")

    assert dict(DatabaseMember.objects.values_list("instance_id", "is_writer")) == {
        "staging-a": False,
        "staging-b": True,
    }
    assert all(row.since > before[row.instance_id] for row in DatabaseMember.objects.all())


def test_a_task_that_fails_on_one_of_two_is_named_from_the_output(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
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

    look(aws, "associations")

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
    assert reread(environment).health_word == "degraded"

    aws.calls.clear()
    look(aws, "associations")
    assert "s3:GetObject" not in aws.calls

    configure(aws, "staging", "app", {bad: "Success"}, run=3)
    look(aws, "associations")
    latest = dict(
        AssociationRun.objects.newest_of_each()
        .filter(association=association)
        .values_list("instance_id", "status")
    )
    assert latest == {server("staging", "app", 0): "Success", bad: "Success"}
    assert reread(environment).health_word == "healthy"


def test_executions_are_asked_for_only_when_an_association_moved(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
    aws.calls.clear()

    look(aws, "associations")

    assert aws.calls.count("ssm:DescribeAssociation") == 2
    assert "ssm:DescribeAssociationExecutions" not in aws.calls


def test_what_was_deleted_leaves_nothing_behind(aws: FakeAws, environment: Environment) -> None:
    look(aws)
    del aws.association_rows["staging-web"]
    look(aws, "associations")
    assert list(Association.objects.values_list("tier", flat=True)) == ["app"]

    Stack.objects.filter(deployment__environment=environment).delete()
    look(aws)

    for rows in (Target, LoadBalancer, Association, DatabaseMember):
        assert not rows.objects.exists()
    assert not FleetInstance.objects.present().exists()
    assert reread(environment).health_word == "unknown"


def test_an_environment_that_is_being_deleted_tells_no_bad_news(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
    make_deployment(environment, kind="delete", state="stacks")
    aws.targets.clear()
    samples = HealthSample.objects.count()

    look(aws, "targets")

    assert reread(environment).health_word == "healthy"
    assert HealthSample.objects.count() == samples


# --- errors stay where they are ----------------------------------------------------------------------
def test_a_denied_action_is_named_and_everything_else_goes_on(aws: FakeAws, environment: Environment) -> None:
    denied = "ssm:DescribeAssociationExecutions"
    aws.fail(denied, *[AwsAccessError("AccessDeniedException", "not authorized", denied)] * 20)

    look(aws)

    problem = observation(environment, "associations")
    assert (problem.problem_code, problem.problem_sentence["params"]["action"]) == (
        "AccessDeniedException",
        denied,
    )
    assert problem.observed_at is not None
    assert set(Association.objects.values_list("status", flat=True)) == {"Success"}
    assert list(problems().values_list("source", flat=True)) == ["associations"]

    aws.before.clear()
    look(aws, "associations")
    assert not problems().exists()
    assert AssociationRun.objects.count() == 4


@pytest.mark.parametrize(
    "denied", ["ssm:DescribeAssociationExecutions", "ssm:DescribeAssociationExecutionTargets"]
)
def test_what_was_denied_stays_told_until_it_was_read(
    aws: FakeAws, environment: Environment, denied: str
) -> None:
    look(aws)
    bad = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", bad: "Failed"}, run=2)
    aws.fail(denied, *[AwsAccessError("AccessDeniedException", "not authorized", denied)] * 20)

    for _ in range(3):  # nothing moves meanwhile
        look(aws, "associations")
        assert observation(environment, "associations").problem_code == "AccessDeniedException"

    aws.before.clear()
    look(aws, "associations")
    assert not problems().exists()
    assert AssociationRun.objects.newest_of_each().get(instance_id=bad).status == "Failed"


def test_a_source_that_stalls_grows_old_and_the_others_stay_fresh(
    aws: FakeAws, environment: Environment
) -> None:
    look(aws)
    before = observation(environment, "targets").observed_at
    stall = "elasticloadbalancing:DescribeTargetHealth"
    aws.fail(stall, *[AwsRetryable("ReadTimeoutError", "Read timeout", stall)] * 3)

    for _ in range(3):
        look(aws)

    targets = observation(environment, "targets")
    assert targets.observed_at == before
    assert targets.problem_code == "ReadTimeoutError"
    assert Target.objects.count() == 4
    fleet = observation(environment, "fleet")
    assert (fleet.problem_code, fleet.observed_at != before) == ("", True)

    look(aws)
    assert observation(environment, "targets").problem_code == ""


def test_one_lost_answer_is_no_news(aws: FakeAws, environment: Environment) -> None:
    stall = "rds:DescribeDBClusters"
    aws.fail(stall, AwsRetryable("ReadTimeoutError", "Read timeout", stall))

    look(aws)

    assert observation(environment, "database").problem_code == ""
    assert observation(environment, "database").observed_at is None


def test_old_figures_turn_to_unknown_though_nothing_answers(aws: FakeAws, environment: Environment) -> None:
    look(aws)
    old = timezone.now() - timedelta(minutes=6)
    Target.objects.update(observed_at=old)
    Environment.objects.update(health_at=old)
    stall = "elasticloadbalancing:DescribeLoadBalancers"
    aws.fail(stall, AwsRetryable("ReadTimeoutError", "Read timeout", stall))

    look(aws, "targets")

    assert reread(environment).health_word == "unknown"


def test_a_spent_budget_is_no_problem_and_comes_back(aws: FakeAws, environment: Environment) -> None:
    call = "elasticloadbalancing:DescribeTargetHealth"
    aws.fail(call, QuotaExhausted(call, 3.0))
    before = timezone.now()

    look(aws, "targets")

    row = observation(environment, "targets")
    assert (row.problem_code, row.failures, row.observed_at) == ("", 0, None)
    assert row.due_at is not None
    assert row.due_at <= timezone.now()
    observer = Observer.objects.get(source="targets")
    assert observer.due_at is not None
    assert timedelta(seconds=2.9) < observer.due_at - before < timedelta(seconds=5)


def test_a_bug_in_a_source_is_left_to_the_next_round(
    aws: FakeAws, environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    aws.fail("rds:DescribeDBClusters", ZeroDivisionError())

    look(aws)

    assert "a round failed" in caplog.text
    assert observation(environment, "targets").observed_at is not None
    look(aws, "database")
    assert observation(environment, "database").observed_at is not None


def test_missing_credentials_are_told_by_every_source(aws: FakeAws, environment: Environment) -> None:
    def refuse(_ref: object) -> object:
        raise AwsAccessError("NoCredentialsError", "Unable to locate credentials", "sts:AssumeRole")

    look(refuse)  # type: ignore[arg-type]

    assert problems().count() == 4


# --- how often, and who first ------------------------------------------------------------------------
def test_who_is_looked_at_is_asked_for_more_often_and_first(aws: FakeAws) -> None:
    account = make_account()
    quiet = make_world(aws, "quiet", account=account)
    watched = make_world(
        aws, "watched", account=account, watched_until=timezone.now() + timedelta(seconds=30)
    )
    look(aws, "targets")
    aws.calls.clear()
    call = "elasticloadbalancing:DescribeTargetHealth"
    aws.on_call = lambda _: aws.fail(call, QuotaExhausted(call, 3.0)) if aws.calls.count(call) == 3 else None

    look(aws, "targets")
    aws.on_call = lambda _: None
    rows = Observation.objects.filter(source="targets")
    assert [row.environment_id for row in rows.filter(due_at__gt=timezone.now())] == [watched.pk]

    look(aws, "targets", every=False)
    first, second = rows.order_by("due_at").values_list("environment", "due_at")
    assert (first[0], second[0]) == (watched.pk, quiet.pk)
    assert first[1] is not None
    assert second[1] is not None
    assert second[1] - first[1] > timedelta(seconds=50)


def test_an_environment_that_was_deleted_is_asked_for_no_more(aws: FakeAws, environment: Environment) -> None:
    look(aws)
    Environment.objects.update(deleted_at=timezone.now(), live_key=None)
    aws.calls.clear()

    look(aws)

    assert aws.calls == []


def test_an_environment_without_such_parts_costs_no_call(aws: FakeAws) -> None:
    environment = make_world(aws, "bare")
    Stack.objects.filter(deployment__environment=environment).delete()

    look(aws)

    assert aws.calls == []
    assert reread(environment).health_word == "unknown"
    assert not HealthSample.objects.exists()


def test_a_stale_or_doubled_message_does_nothing(aws: FakeAws, environment: Environment) -> None:
    look(aws)
    observer = Observer.objects.get(source="fleet")
    aws.calls.clear()

    assert not step.run_observer(observer.pk, observer.version - 1, aws)
    assert aws.calls == []


def test_many_environments_share_the_calls_that_can_be_shared(aws: FakeAws) -> None:
    account = make_account()
    for number in range(20):
        make_world(aws, f"env{number}", account=account)
    look(aws)
    aws.calls.clear()

    look(aws)

    calls = Counter(aws.calls)
    assert calls["autoscaling:DescribeAutoScalingGroups"] == 1
    assert calls["rds:DescribeDBClusters"] == calls["rds:DescribeDBInstances"] == 1
    assert calls["elasticloadbalancing:DescribeLoadBalancers"] == 1
    assert calls["elasticloadbalancing:DescribeTargetHealth"] == calls["ssm:DescribeAssociation"] == 20
