"""/metrics: access, values for real rows, and values while a part is down."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from pytest_django import Settings
from redis import Redis as RedisClient
from redis.exceptions import RedisError

from deployments.aws import call_counts
from deployments.common import heartbeats
from deployments.environments.models.deployments import Deployment
from deployments.notifications.models import Delivery
from portal import request_counts
from portal.metrics.views import Scrape
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_event,
    make_grant,
    make_user,
)
from tests.notification_builders import make_target
from tests.services import REPOSITORY, Redis, wait_until

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-thirty-two-characters"
DOCS = REPOSITORY / "docs"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def scraper(settings: Settings) -> Client:
    settings.SANSO_METRICS_TOKEN = TOKEN
    return Client(headers={"authorization": f"Bearer {TOKEN}"})


def samples(scraper: Client) -> Samples:
    """Return the value of each sample of a scrape, by its name and labels."""
    response = scraper.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(response.content.decode())
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def finished(minutes: int, **values: Any) -> Deployment:
    """Return a deployment that was ready after this number of minutes."""
    deployment = make_deployment(state="succeeded", **values)
    ready_at = deployment.created_at + timedelta(minutes=minutes)
    Deployment.objects.filter(pk=deployment.pk).update(ready_at=ready_at)
    return deployment


def test_metrics_need_the_token_or_the_right_to_view_audit_records(
    client: Client, settings: Settings
) -> None:
    for given in ("", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"):
        response = client.get("/metrics", headers={"authorization": given})
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    settings.SANSO_METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200

    for one in (make_user(), make_grant(make_user(), role="admin", scope="account", account=make_account())):
        client.force_login(one)
        assert client.get("/metrics").status_code == 403
    for one in (make_user(is_superuser=True), make_grant(make_user(), role="admin")):
        client.force_login(one)
        assert client.get("/metrics").status_code == 200
    assert client.post("/metrics").status_code == 405


def test_environments_and_deployments_are_counted_without_recordings(scraper: Client) -> None:
    made = make_deployment(make_environment(health_word="healthy"), state="stacks", attention_code="X")
    for seq in (1, 2, 3):
        make_event(made, seq)
    recorded = make_environment(account=make_account(is_recording=True))
    make_event(make_deployment(recorded, state="succeeded"), 1)

    found = samples(scraper)

    assert value(found, "sanso_environments_status", status="in_progress") == 1
    assert value(found, "sanso_environments_status", status="healthy") == 0
    assert value(found, "sanso_environments", state="problem") == 1
    assert value(found, "sanso_environments", state="deployed") == 0
    assert value(found, "sanso_environments_health", health="healthy") == 1
    assert value(found, "sanso_deployments", kind="create", state="stacks") == 1
    assert value(found, "sanso_deployments", kind="delete", state="approval") == 0
    assert ("sanso_deployments", frozenset({("kind", "create"), ("state", "succeeded")})) not in found
    assert value(found, "sanso_deployments_attention") == 1
    assert value(found, "sanso_events_stored_total") == 3


def test_the_time_to_ready_is_a_histogram_of_finished_deployments(scraper: Client) -> None:
    for minutes in (1, 4, 200):
        finished(minutes)
    begun = finished(30, kind="update")
    Deployment.objects.filter(pk=begun.pk).update(applied_at=begun.created_at + timedelta(minutes=28))

    found = samples(scraper)

    bucket = "sanso_time_to_ready_seconds_bucket"
    assert [value(found, bucket, kind="create", le=le) for le in ("60.0", "300.0", "7200.0", "+Inf")] == [
        *(1, 2, 2, 3)
    ]
    assert value(found, "sanso_time_to_ready_seconds_sum", kind="create") == 205 * 60
    assert value(found, "sanso_time_to_ready_seconds_count", kind="update") == 1
    assert value(found, bucket, kind="update", le="120.0") == 1


def test_the_step_lag_is_the_age_of_the_oldest_due_row(scraper: Client) -> None:
    make_deployment(due_at=timezone.now() - timedelta(minutes=5))
    make_deployment(due_at=timezone.now() - timedelta(minutes=1))
    make_deployment(due_at=timezone.now() + timedelta(minutes=1))

    found = samples(scraper)

    assert value(found, "sanso_step_lag_seconds", row="deployment") == pytest.approx(300, abs=60)
    assert value(found, "sanso_due_rows", row="deployment") == 2
    assert value(found, "sanso_step_lag_seconds", row="observer") == 0


def test_calls_processes_streams_and_messages_are_those_of_all_processes(
    scraper: Client, redis_server: Redis
) -> None:
    counts = call_counts.CallCounts(heartbeats.client())
    counts.add("cloudformation", "DescribeStacks", "throttled")
    counts.write()
    stop = heartbeats.start("web", lambda: {"streams": 7})
    try:
        wait_until(lambda: bool(heartbeats.running(heartbeats.client())), what="a heartbeat")
        found = samples(scraper)
    finally:
        stop.set()

    call = {"service": "cloudformation", "operation": "DescribeStacks", "result": "throttled"}
    assert value(found, "sanso_aws_calls_total", **call) == 1
    assert [number for (name, _), number in found.items() if name == "sanso_streams_open"] == [7]
    by_kind = {dict(labels)["kind"]: n for (name, labels), n in found.items() if name == "sanso_processes"}
    assert by_kind == {"web": 1, "worker": 0, "dispatcher": 0}
    assert value(found, "sanso_queue_messages") == 0
    assert value(found, "sanso_up", part="redis") == 1


def test_requests_are_counted_over_all_processes_by_part_method_and_status(
    scraper: Client, redis_server: Redis
) -> None:
    client = heartbeats.client()
    request_counts.write(client)  # what other tests have counted
    client.delete(request_counts.KEY)
    scraper.get("/healthz")
    scraper.get("/api/v1/environments")
    scraper.get("/nowhere/12/")
    request_counts.count("BREW", "/", 200, 0.5)
    request_counts.write(client)

    found = samples(scraper)

    name = "sanso_http_requests_total"
    assert value(found, name, part="probe", method="GET", status="200") == 1
    assert value(found, name, part="api", method="GET", status="401") == 1
    assert value(found, name, part="page", method="other", status="200") == 1
    assert value(found, "sanso_http_request_seconds_total", part="page") >= 0.5
    labels = {key for sample, labels in found if sample.startswith("sanso_http") for key, _ in labels}
    assert labels == {"part", "method", "status"}  # no path, no process


def test_requests_that_redis_did_not_take_are_counted_later(redis_server: Redis, closed_port: int) -> None:
    client = heartbeats.client()
    request_counts.write(client)
    client.delete(request_counts.KEY)
    request_counts.count("GET", "/", 200, 0.1)
    with pytest.raises(RedisError):
        request_counts.write(RedisClient(port=closed_port))

    request_counts.write(client)

    assert request_counts.read(client)[0] == {("page", "GET", "200"): 1}


def test_deliveries_are_counted_by_the_kind_of_their_target_and_their_result(scraper: Client) -> None:
    target = make_target("https://a.example.com/")
    rows: list[dict[str, Any]] = [{"state": "sent"}, {"state": "failed"}, {}, {"attempts": 2}]
    for number, values in enumerate([*rows, {"state": "collected"}]):
        Delivery.objects.create(
            target=target, key=str(number), topic="lock.broken", created_at=timezone.now(), **values
        )

    found = samples(scraper)

    for result in ("sent", "failed", "waiting", "retrying"):
        assert value(found, "sanso_deliveries", kind="webhook", result=result) == 1
        assert value(found, "sanso_deliveries", kind="mail", result=result) == 0


def test_a_process_that_stopped_is_not_counted(redis_server: Redis) -> None:
    client = heartbeats.client()
    stop = heartbeats.start("worker")
    wait_until(lambda: bool(heartbeats.running(client)), what="a heartbeat")
    stop.set()
    client.delete(*client.keys("sanso:process:*"))  # simulates their expiry

    assert heartbeats.running(client) == []
    assert client.scard(heartbeats.NAMES) == 0


def test_without_redis_everything_else_is_served(
    scraper: Client, settings: Settings, closed_port: int
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port}/0"

    found = samples(scraper)

    assert value(found, "sanso_up", part="redis") == 0
    assert value(found, "sanso_up", part="database") == 1
    assert value(found, "sanso_environments", state="problem") == 0
    assert not any(name == "sanso_aws_calls_total" for name, _ in found)


def test_a_scrape_makes_the_same_few_queries_and_none_over_the_events(scraper: Client) -> None:
    deployments = [make_deployment(state="succeeded") for _ in range(3)]
    for deployment in deployments:
        make_event(deployment, 1)

    with CaptureQueriesContext(connection) as queries:
        samples(scraper)

    assert len(queries) <= 20
    assert not [query["sql"] for query in queries if "deployments_event" in query["sql"]]


def test_openmetrics_is_served_to_those_who_accept_it(scraper: Client) -> None:
    response = scraper.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert response["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(response.content.decode())}  # type: ignore[no-untyped-call]  # of prometheus_client
    assert {"sanso_build", "sanso_aws_calls", "sanso_time_to_ready_seconds"} <= names


def metric_names() -> set[str]:
    """Return the names of all samples that a scrape can have."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
    return {
        family.name + suffix for family in Scrape().collect() for suffix in suffixes.get(family.type, ("",))
    }


def test_every_metric_is_documented_and_nothing_else(redis_server: Redis) -> None:
    documented = set(re.findall(r"^\| `(sanso_\w+)", (DOCS / "metrics.md").read_text(), re.MULTILINE))

    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metric_names()}

    assert documented == families


def test_the_alerts_name_only_metrics_that_exist(redis_server: Redis) -> None:
    alerts = yaml.safe_load(Path(DOCS / "alerts.yml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]

    named = {name for rule in rules for name in re.findall(r"sanso_\w+", rule["expr"])}

    assert rules
    assert named <= metric_names()
    assert all(rule["annotations"]["summary"] for rule in rules)
