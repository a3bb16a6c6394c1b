"""The timeline of a deployment, on rows that the runner wrote."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.cloudformation.timeline import in_ms
from deployments.common.errors import AwsRetryable
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.models.timeline import load
from deployments.stacks.shared import forecast
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import START, make_deployment, make_environment, make_event, make_resource, make_stack
from tests.fakes import FakeAws
from tests.live import scenes
from tests.stepping import run, take_step

SUBNETS = 110
"""Resources in each of the nine nested stacks of a large deployment."""
BEGINNING = [
    ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
    ("", "Topic", "CREATE_IN_PROGRESS", ""),
    ("", "Topic", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
]
FAILURE = [
    ("", "Topic", "CREATE_FAILED", "The topic's name is taken."),
    ("", "Network", "CREATE_FAILED", "Resource creation cancelled"),
    ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Topic, Network]. "),
]


@pytest.fixture(autouse=True)
def _clock_of_the_account(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> None:
    """Set the portal's clock to the events' clock, which advances by a second with each event."""
    monkeypatch.setattr(timezone, "now", lambda: now_in(aws))


def now_in(aws: FakeAws) -> datetime:
    return START + timedelta(seconds=aws._clock)


@pytest.fixture
def requested(db: None, nested_set: template_files.TemplateSet) -> Deployment:
    """A creation of a topic and a nested stack that depends on it."""
    TemplateCheck.objects.create(digest=nested_set.digest, findings=[])
    deployment = make_deployment(
        make_environment("staging"), template_digest=nested_set.digest, parameters={"Size": "2"}
    )
    forecast.at_request(deployment)
    return deployment


@pytest.fixture
def running(requested: Deployment, aws: FakeAws) -> Deployment:
    """The topic is being created, and the nested stack waits for it."""
    aws.create_acts = BEGINNING
    return run(requested, aws, until=lambda d: status_of(d, "Topic") == "CREATE_IN_PROGRESS")


def status_of(deployment: Deployment, logical_id: str) -> str:
    rows = Resource.objects.of_deployment(deployment).filter(logical_id=logical_id)
    return rows.values_list("status", flat=True).first() or ""


def test_a_pending_resource_waits_for_its_dependencies_and_those_of_its_stack(running: Deployment) -> None:
    timeline = load(running)

    waiting = {(waiting.path, waiting.inside) for waiting in timeline.lines["Network/Subnet"].waiting_for}
    assert waiting == {("Network/Vpc", ""), ("Topic", "Network")}
    assert set(timeline.lines["Topic"].blocks) == {"Network", "Network/Vpc"}
    assert timeline.lines["Topic"].waiting_for == ()


def test_a_pending_resource_is_expected_after_its_dependencies(running: Deployment) -> None:
    timeline = load(running)
    topic, vpc = timeline.lines["Topic"].expected, timeline.lines["Network/Vpc"].expected

    assert topic is not None
    assert vpc is not None
    assert topic.end is not None
    assert vpc.start is not None
    assert timeline.now < topic.end <= vpc.start
    assert timeline.forecast is not None
    assert timeline.forecast.low <= timeline.forecast.end <= timeline.forecast.high


def test_the_critical_path_leads_through_the_nested_stack_to_the_last_phase(running: Deployment) -> None:
    timeline = load(running)

    chain = timeline.critical.chain
    assert chain[chain.index("Topic") :] == (
        "Topic",
        "Network/Vpc",
        "Network/Subnet",
        "@configuration",
        "@traffic",
        "@ready",
    )
    assert timeline.lines["Network"].is_critical


def test_a_rollback_has_no_forecast(requested: Deployment, aws: FakeAws) -> None:
    aws.create_acts = [*BEGINNING, *FAILURE]
    rolling_back = run(
        requested, aws, until=lambda d: status_of(d, "Network") == "CREATE_FAILED" and is_rolling_back(d)
    )

    assert load(rolling_back).forecast is None


def is_rolling_back(deployment: Deployment) -> bool:
    return Stack.objects.filter(deployment=deployment, path="", status="ROLLBACK_IN_PROGRESS").exists()


def test_the_timeline_of_an_ended_deployment_ends_with_it(requested: Deployment, aws: FakeAws) -> None:
    aws.create_acts = [
        *BEGINNING,
        *FAILURE,
        ("", "Topic", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]
    ended = run(requested, aws)
    assert ended.ended_at is not None

    timeline = load(ended)

    assert timeline.now == in_ms(ended.ended_at)
    assert timeline.forecast is None
    assert "Topic" in timeline.critical.chain


def test_a_deployment_without_stacks_has_its_phases_and_the_forecast_of_its_request(
    requested: Deployment,
) -> None:
    timeline = load(requested)

    assert set(timeline.lines) >= {"", "@preflight", "@ready"}
    assert timeline.forecast is not None
    assert timeline.forecast == timeline.expectation


def test_a_thousand_resources_cost_two_queries_and_half_a_second_of_cpu_time(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    deployment = scenes.make_deployment()
    nested = dict.fromkeys((f"S{number}" for number in range(9)), SUBNETS)
    scenes.complete_everything(deployment, scenes.add_stacks(deployment, nested))
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))

    with django_assert_num_queries(2):
        load(deployment, stacks=stacks)
    began = time.process_time()
    timeline = load(deployment, stacks=stacks)
    took = time.process_time() - began

    assert len(timeline.lines) > 1000
    assert took < 0.5


def test_a_deployment_that_no_worker_polls_is_neither_slow_nor_forecast(running: Deployment) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    Deployment.objects.filter(pk=running.pk).update(ticked_at=long_ago, due_at=long_ago)

    stopped = load(Deployment.objects.for_page().get(pk=running.pk))

    assert stopped.forecast is None
    assert not any(line.is_slow for line in stopped.lines.values())
    Deployment.objects.filter(pk=running.pk).update(ticked_at=timezone.now())
    assert load(Deployment.objects.for_page().get(pk=running.pk)).forecast is not None


def test_a_deployment_whose_polls_are_throttled_is_neither_slow_nor_forecast(
    running: Deployment, aws: FakeAws
) -> None:
    operation = "cloudformation:DescribeStackEvents"
    aws.fail(operation, AwsRetryable("Throttling", "Rate exceeded", operation))
    take_step(running, aws)
    running.refresh_from_db()
    assert running.failures
    later = now_in(aws) + timedelta(minutes=30)
    Deployment.objects.filter(pk=running.pk).update(ticked_at=later, due_at=later)

    timeline = load(Deployment.objects.for_page().get(pk=running.pk), now=later)

    assert timeline.forecast is None
    assert not any(line.is_slow for line in timeline.lines.values())
    Deployment.objects.filter(pk=running.pk).update(failures=0)
    assert load(Deployment.objects.for_page().get(pk=running.pk), now=later).forecast is not None


def test_the_critical_path_of_a_creation_leads_to_what_was_created_last_and_not_to_what_was_protected(
    db: None,
) -> None:
    """The changes are those of a creation in the sandbox, with the events of its nested stacks left out."""
    began = datetime.fromtimestamp(1795868542, UTC)
    deployment = make_deployment(state="succeeded", protection="on")
    Deployment.objects.filter(pk=deployment.pk).update(
        created_at=began, ended_at=began + timedelta(seconds=384)
    )
    root = make_stack(
        deployment,
        changes=[
            [1795868554000, "CREATE_IN_PROGRESS"],
            [1795868917241, "CREATE_COMPLETE"],
            [1795868920430, "UPDATE_IN_PROGRESS"],
            [1795868925373, "UPDATE_COMPLETE"],
        ],
    )
    balancer = [
        [1795868559740, "CREATE_IN_PROGRESS"],
        [1795868572670, "CREATE_COMPLETE"],
        [1795868921027, "UPDATE_IN_PROGRESS"],
        [1795868924918, "UPDATE_COMPLETE"],
    ]
    servers = [[1795868576321, "CREATE_IN_PROGRESS"], [1795868914905, "CREATE_COMPLETE"]]
    make_resource(root, "Nlb", changes=balancer)
    make_resource(root, "AppServers", changes=servers)
    begun = {"stacks": 0, "configuration": 363, "traffic": 364, "ready": 364, "protect": 364}
    for seq, (phase, seconds) in enumerate(begun.items(), start=1):
        values = {"phase": phase}
        make_event(
            deployment,
            seq,
            source="sanso",
            code="phase",
            values=values,
            status="",
            at=datetime.fromtimestamp(1795868554 + seconds, UTC),
        )
    deployment.refresh_from_db()

    timeline = load(deployment)

    assert timeline.critical.chain[-1] == "@protect"
    assert [path for path in timeline.critical.chain if not path.startswith("@")][-1] == "AppServers"
    assert timeline.lines["Nlb"].runs[-1].status == "UPDATE_COMPLETE"  # the bar has both segments
