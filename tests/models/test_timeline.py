"""The timeline of a deployment, read from its rows: quick, in few queries, and right at any moment."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.core.phases import State
from deployments.core.timeline import in_ms
from deployments.models import Deployment, Resource, Stack
from deployments.models.stack import STACK_TYPE
from deployments.models.timeline import load
from tests.builders import make_deployment, make_environment, make_event, make_resource, make_stack

NOW = timezone.now().replace(microsecond=0)


def moments(*changes: tuple[float, str]) -> list[Any]:
    """Return changes at so many seconds before now."""
    return [[in_ms(NOW - timedelta(seconds=ago)), status] for ago, status in changes]


def make_running(environment_name: str = "staging", **values: Any) -> Deployment:
    """Return a create whose stacks began two minutes ago."""
    deployment = make_deployment(make_environment(environment_name), **{"state": State.STACKS} | values)
    Deployment.objects.filter(pk=deployment.pk).update(created_at=NOW - timedelta(seconds=140))
    make_event(
        deployment,
        1,
        code="phase",
        status="",
        source="portal",
        values={"phase": "stacks"},
        at=NOW - timedelta(seconds=120),
    )
    return Deployment.objects.for_page().get(pk=deployment.pk)


@pytest.fixture
def running(db: None) -> Deployment:
    """A load balancer is being made, and a nested stack waits for it."""
    deployment = make_running()
    root = make_stack(deployment, status="CREATE_IN_PROGRESS", changes=moments((120, "CREATE_IN_PROGRESS")))
    nested = make_stack(deployment, "App", root)
    make_resource(
        root,
        "Vpc",
        type="AWS::EC2::VPC",
        changes=moments((118, "CREATE_IN_PROGRESS"), (106, "CREATE_COMPLETE")),
    )
    make_resource(
        root,
        "Alb",
        type="AWS::ElasticLoadBalancingV2::LoadBalancer",
        status="CREATE_IN_PROGRESS",
        changes=moments((105, "CREATE_IN_PROGRESS")),
        depends_on=[["Vpc", "Ref"]],
    )
    make_resource(root, "App", type=STACK_TYPE, status="", depends_on=[["Alb", "GetAtt"]])
    make_resource(nested, "Group", type="AWS::AutoScaling::AutoScalingGroup", status="")
    return deployment


def test_what_waits_says_for_what(running: Deployment) -> None:
    group = load(running, now=NOW).lines["App/Group"]

    assert [(waiting.path, waiting.inside) for waiting in group.waiting_for] == [("Alb", "App")]
    assert load(running, now=NOW).lines["Alb"].blocks == ("App",)


def test_what_is_to_come_is_expected_after_what_it_waits_for(running: Deployment) -> None:
    timeline = load(running, now=NOW)
    alb, group = timeline.lines["Alb"].expected, timeline.lines["App/Group"].expected

    assert alb is not None
    assert group is not None
    assert alb.end is not None
    assert group.start is not None
    assert timeline.now < alb.end <= group.start
    assert timeline.forecast is not None
    assert timeline.forecast.low <= timeline.forecast.end <= timeline.forecast.high


def test_the_chain_that_decides_the_end_is_marked(running: Deployment) -> None:
    timeline = load(running, now=NOW)

    assert timeline.critical.chain[-5:] == ("Alb", "App/Group", "@configuration", "@traffic", "@ready")
    assert timeline.lines["App"].is_critical


def test_a_rollback_has_no_forecast(running: Deployment) -> None:
    Stack.objects.filter(deployment=running, path="").update(status="ROLLBACK_IN_PROGRESS")

    assert load(running, now=NOW).forecast is None


def test_an_ended_deployment_is_as_it_was(running: Deployment) -> None:
    Resource.objects.filter(logical_id="Alb").update(
        status="CREATE_COMPLETE", changes=moments((105, "CREATE_IN_PROGRESS"), (5, "CREATE_COMPLETE"))
    )
    Deployment.objects.filter(pk=running.pk).update(state="failed", ended_at=NOW, active_key=None)
    ended = Deployment.objects.for_page().get(pk=running.pk)

    timeline = load(ended)

    assert timeline.now == in_ms(NOW)
    assert timeline.forecast is None
    assert timeline.critical.chain[-2:] == ("Vpc", "Alb")


def test_before_its_stacks_are_known_a_deployment_has_its_phases(db: None) -> None:
    timeline = load(make_deployment(make_environment("new")))

    assert set(timeline.lines) >= {"", "@preflight", "@ready"}
    assert timeline.forecast is None


def test_a_thousand_resources_cost_three_queries_and_little_time(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    deployment = make_running("large")
    root = make_stack(deployment, status="CREATE_IN_PROGRESS", changes=moments((120, "CREATE_IN_PROGRESS")))
    for number in range(9):
        stack = make_stack(deployment, f"S{number}", root)
        make_resource(root, f"S{number}", type=STACK_TYPE, status="CREATE_IN_PROGRESS")
        Resource.objects.bulk_create(
            Resource(
                stack=stack,
                logical_id=f"R{i}",
                type="AWS::EC2::Subnet",
                status="CREATE_COMPLETE" if i < 60 else "",
                changes=moments((100, "CREATE_IN_PROGRESS"), (90, "CREATE_COMPLETE")) if i < 60 else [],
                depends_on=[[f"S{number}/R{i - 1}", "Ref"]] if i % 7 else [],
            )
            for i in range(111)
        )
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))

    with django_assert_num_queries(2):
        load(deployment, stacks=stacks, now=NOW)
    began = time.process_time()
    timeline = load(deployment, stacks=stacks, now=NOW)
    took = time.process_time() - began

    assert len(timeline.lines) > 1000
    assert took < 0.5
