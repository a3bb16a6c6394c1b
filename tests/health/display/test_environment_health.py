"""Health on the page of an environment: summary, tiers, diagram, history."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.environments.display.tab_urls import LABELS, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import Association
from deployments.health.models.database import DatabaseCluster
from deployments.health.models.fleet import FleetInstance
from deployments.health.models.observing import Observation
from deployments.live.reads import QuotaShare
from tests.builders import make_account, make_deployment, make_environment, make_user
from tests.health_builders import make_parts, make_past, make_whole, run_failed, server_id, unwell
from tests.pages.environment_pages import node, row_of, show, url
from tests.pages.pages import page

TARGET_TEXTS = {
    "initial": "◐ Initial check",
    "healthy": "✓ Healthy",
    "unhealthy": "✕ Unhealthy",
    "unhealthy.draining": "✕ Unhealthy, draining",
    "unused": "○ Unused",
    "draining": "◑ Draining",
    "unavailable": "○ Not checked",
    "something-new": "○ something-new",
}


def test_a_healthy_environment_says_so_once(browser: Client) -> None:
    environment = make_whole()

    shown = show(browser, environment)

    assert not shown.all(id="health")
    assert shown.one(id="state").text == "✓ Healthy"
    assert shown.one(id="head")["data-title"] == "✓ Healthy · staging · Sanso"


def test_an_unhealthy_server_is_named_in_sentence_diagram_and_row(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    sick = server_id("app", 1)

    shown = show(browser, environment)

    health = shown.one(id="health").text
    assert health == f"1 of 2 app servers fails its health check (…{sick[-4:]})."
    heads = [one.text for one in shown.one("svg", class_="wide").all("p", class_="tier")]
    assert "App servers ▲ Degraded 1 of 2" in heads
    assert "Web servers Healthy 2 of 2" in heads
    for layout in ("wide", "narrow"):
        box = node(shown, layout, "app", sick)
        assert box.text.startswith(f"✕ app {sick[-4:]} Unhealthy ")
        assert " · it fails its health check: no connection" in box.text
        begins = f"app {sick[-4:]} ({sick}), Unhealthy, it fails its health check: no connection"
        assert box["aria-label"].startswith(begins)
        assert box["href"] == f"servers#target-app-{sick}"
        assert "is-failed" in box["class"]
    balancer = node(shown, "wide", "nlb", "1")
    assert balancer.text == "▲ NLB Degraded · 1 of 2 targets healthy"
    assert "is-attention" in balancer["class"]
    assert "2 of 2 targets healthy" in node(shown, "wide", "alb", "1").text
    assert "Servers ✕ 1 of 4 with problems" in shown.one(id="tabs").text
    servers = show(browser, environment, "servers")
    row = row_of(servers, f"target-app-{sick}")
    assert "✕ Unhealthy" in row
    assert "unhealthy · Target.FailedHealthChecks" in row
    assert (
        servers.one(id="servers-app").one("tbody").all("tr")[0]["id"] == f"target-app-{sick}"
    )  # problems first


def test_the_diagram_has_every_component_in_its_zone_and_a_table_has_the_same(browser: Client) -> None:
    environment = make_whole()
    shown = show(browser, environment)

    wide = shown.one("svg", class_="wide")
    assert [text.text for text in wide.all("text")] == ["ap-northeast-1a", "ap-northeast-1c"]
    links = wide.all("a", class_="node")
    tiers = [link["id"].split("-")[1] for link in links]
    assert tiers == ["alb", "web", "web", "nlb", "app", "app", "database", "database"]
    table = shown.one(id="architecture-table").one("tbody")
    assert len(table.all("tr")) == len(links)
    assert all("✓ Healthy" in row.text for row in table.all("tr"))
    ids = {
        f"{tab}#{element['id']}"
        for tab in ("servers", "database")
        for element in show(browser, environment, tab).all()
        if "id" in element.attributes
    }
    assert {link["href"] for link in links} <= ids


@pytest.mark.parametrize("tab", LABELS)
def test_every_id_is_on_the_page_once(browser: Client, tab: str) -> None:
    environment = make_whole()
    unwell(environment)
    run_failed(environment)

    elements = page(browser.get(tab_url(environment, tab))).all()
    ids = [element["id"] for element in elements if "id" in element.attributes]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("state", TARGET_TEXTS)
def test_every_state_of_a_target_has_a_label(browser: Client, state: str) -> None:
    environment = make_whole()
    unwell(environment, state=state, reason="")

    assert TARGET_TEXTS[state] in row_of(
        show(browser, environment, "servers"), f"target-app-{server_id('app', 1)}"
    )


@pytest.mark.parametrize(
    ("state", "code", "text"),
    [
        ("initial", "Elb.RegistrationInProgress", "it is being registered with its load balancer."),
        ("initial", "Elb.InitialHealthChecking", "it is in its initial health check."),
        ("unhealthy", "Target.ResponseCodeMismatch", "it returns an unexpected HTTP status to health checks"),
        ("unhealthy", "Target.Timeout", "it does not respond to health checks in time"),
        ("unhealthy", "Target.FailedHealthChecks", "it fails its health check: no connection"),
        ("unused", "Target.NotRegistered", "it is not registered with its target group"),
        ("unused", "Target.NotInUse", "No load balancer uses the target group of it"),
        ("unused", "Target.InvalidState", "it is stopped or terminated"),
        ("unused", "Target.IpUnusable", "The address of it is used by a load balancer"),
        ("draining", "Target.DeregistrationInProgress", "it is being deregistered"),
        ("unavailable", "Target.HealthCheckDisabled", "Health checks of it are disabled"),
        ("unavailable", "Elb.InternalError", "The load balancer of it has an internal error"),
    ],
)
def test_every_reason_code_has_a_text(browser: Client, state: str, code: str, text: str) -> None:
    environment = make_whole()
    unwell(environment, state=state, reason=code)

    row = row_of(show(browser, environment, "servers"), f"target-app-{server_id('app', 1)}")

    assert text in row
    assert f"{state} · {code}" in row


def test_an_environment_in_creation_has_no_red(browser: Client) -> None:
    environment = make_environment("fresh", stack_status="CREATE_IN_PROGRESS")
    make_deployment(environment, state="stacks")

    empty = show(browser, environment)
    make_parts(environment)
    made = show(browser, environment)

    assert "as soon as CloudFormation has created them" in empty.one(id="health").text
    assert not empty.all("svg", class_="wide")
    assert "It is being created." in made.one(id="health").text
    assert made.one(id="state").text == "◐ In progress"
    assert "Not ready yet. Waiting for:" in made.one(id="health").text
    assert "has not been read" in made.one(id="health").text
    assert not made.one("svg", class_="wide").all("a", class_="is-failed")
    servers = show(browser, environment, "servers")
    assert "not polled yet" in servers.one(id="source-associations").text
    assert "No instances found yet." in servers.one(id="servers").text


def test_a_waiting_deployment_says_what_for_though_state_manager_is_done(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    Deployment.objects.filter(environment=environment).update(
        state="traffic", active_key=environment.pk, ended_at=None, ready_at=None
    )
    Deployment.objects.update(created_at=timezone.now() - timedelta(hours=5))

    waits = show(browser, environment).one("ul", class_="waits").text

    assert f"app {server_id('app', 1)} fails its health check: no connection" in waits
    assert "The site check through the load balancer" in waits


def test_the_page_displays_the_api_quota_used(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    share = QuotaShare(percent=18, throttled=True)
    monkeypatch.setattr("deployments.health.display.page.quota_share", lambda account: share)

    assert show(browser, make_whole()).one(id="api-quota").text == "API quota used: 18 %, Throttled by AWS"


def test_a_set_without_servers_is_explained(browser: Client) -> None:
    environment = make_environment("topics", stack_id="arn:stack", stack_status="CREATE_COMPLETE")
    make_deployment(environment, state="succeeded")

    shown = show(browser, environment)

    assert "These stacks have nothing to monitor" in shown.one(id="health").text
    assert not shown.all(id="save-time")
    assert not shown.all(id="past")


def test_only_stale_sources_are_marked(browser: Client) -> None:
    environment = make_whole()
    Observation.objects.filter(source="fleet").update(observed_at=timezone.now() - timedelta(minutes=2))

    shown = show(browser, environment, "servers")

    assert shown.one(id="source-fleet").text.startswith("out of date · updated 2 min")
    assert "is-old" in shown.one(id="source-fleet")["class"]
    assert "out of date" not in shown.one(id="source-targets").text
    assert "data-age" in shown.one(id="source-fleet").one("time").attributes


@pytest.mark.parametrize(("is_sandbox", "old"), [(False, 15), (True, 6)])
def test_a_source_is_stale_after_three_missed_polls(browser: Client, is_sandbox: bool, old: int) -> None:
    environment = make_whole(account=make_account(is_sandbox=is_sandbox))
    targets = Observation.objects.filter(source="targets")

    for seconds, is_old in ((old - 2, False), (old + 1, True)):
        targets.update(observed_at=timezone.now() - timedelta(seconds=seconds))
        assert (
            show(browser, environment, "servers").one(id="source-targets").text.startswith("out of date")
            is is_old
        )


def test_health_is_unknown_when_observations_are_too_old(browser: Client) -> None:
    environment = make_whole()
    long_ago = timezone.now() - timedelta(hours=1)
    for rows in (Target.objects, FleetInstance.objects, DatabaseCluster.objects, Association.objects):
        rows.update(observed_at=long_ago)
    environment.load_balancers.update(observed_at=long_ago)

    shown = show(browser, environment)
    assert "is out of date" in shown.one(id="health").text
    heads = [one.text for one in shown.one("svg", class_="wide").all("p", class_="tier")]
    assert "Web servers ? Unknown 0 of 2" in heads


def test_the_history_displays_incidents_and_the_time_to_ready(browser: Client) -> None:
    environment = make_whole()
    make_past(environment, ("app", timedelta(hours=9), timedelta(minutes=30)))

    past = show(browser, environment, "history").one(id="past")

    labels = [strip["aria-label"] for strip in past.all("svg", class_="strip")]
    assert "Database, Last 24 hours: healthy 100 %" in labels
    assert any(label.startswith("App servers, Last 24 hours: healthy 97") for label in labels)
    incidents = [row.text for row in past.one("details", id="past-day").one("tbody").all("tr")]
    assert len(incidents) == 2  # of the tier and of the environment
    assert any("App servers ▲ Degraded 1/2" in incident for incident in incidents)
    assert "12:00" in past.one("table", class_="bars").text


def test_the_history_is_refreshed_separately(browser: Client) -> None:
    environment = make_whole()
    make_past(environment)

    body = page(browser.get(url(environment, "environment_history"), headers={"HX-Request": "true"}))
    past = body.one(id="past")

    assert not past.all("svg")
    assert "data-kept" in past.attributes
    assert len(page(browser.get(past["hx-get"])).all("svg", class_="strip")) == 12


def test_the_page_of_a_deleted_environment_does_not_poll(browser: Client) -> None:
    environment = make_whole()
    Environment.objects.filter(pk=environment.pk).update(deleted_at=timezone.now(), live_key=None)

    shown = show(browser, environment)

    assert not shown.all(id="health")
    assert not shown.all(id="architecture")
    environment.refresh_from_db()
    assert environment.watched_until is None


def test_watching_is_recorded_at_most_every_ten_seconds(browser: Client) -> None:
    environment = make_whole()
    later = timezone.now() + timedelta(minutes=1)
    Observation.objects.update(due_at=later)
    Environment.objects.update(due_at=later)

    browser.get(url(environment))
    environment.refresh_from_db()
    first = environment.watched_until
    assert environment.due_at is not None
    assert environment.due_at < later  # its stack is read at once
    browser.get(url(environment))
    environment.refresh_from_db()

    assert first
    assert environment.watched_until == first
    assert not Observation.objects.filter(due_at=later).exists()  # it is polled at once


@pytest.mark.parametrize("tab", LABELS)
def test_two_hundred_servers_cost_no_more_queries_and_stay_small(
    browser: Client, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    monkeypatch.setattr("deployments.live.reads.QUOTA_SECONDS", 3600)  # read once per test
    for name in ("WATCHED", "MIN_INTERVAL"):  # recorded once per environment
        monkeypatch.setattr(f"deployments.health.commands.watch.{name}", timedelta(hours=1))
    few, many = make_whole("few"), make_whole("many", servers=100)

    def queries(environment: Environment, query: str) -> int:
        browser.get(tab_url(environment, tab))
        with CaptureQueriesContext(connection) as seen:
            browser.get(tab_url(environment, tab) + query)
        return len(seen)

    assert queries(many, "") == queries(few, "")
    assert queries(many, "?all=1") == queries(few, "?all=1")
    for query in ("", "?all=1"):
        response = browser.get(tab_url(many, tab) + query, headers={"Accept-Encoding": "gzip"})
        assert response["Content-Encoding"] == "gzip"
        assert len(response.content) < 150_000
        assert b"many" in gzip.decompress(response.content)


def test_many_servers_are_counted_and_unhealthy_ones_are_named(browser: Client) -> None:
    environment = make_whole(servers=100)
    for number in range(5):
        unwell(environment, number=2 * number + 1)  # all in one zone

    shown = show(browser, environment)

    boxes = [link.text for link in shown.one("svg", class_="wide").all("a") if "-app-" in link["id"]]
    assert len(boxes) == 1 + 5  # the count of the other zone; three named, two counted, then the healthy ones
    assert "✓ 50 instances Healthy" in boxes
    assert "✕ 2 instances Unhealthy" in boxes
    assert "✓ 45 instances Healthy" in boxes
    few = show(browser, environment, "servers").one(id="servers-app")
    assert len(few.one("tbody").all("tr")) == 12
    assert few.one("a", id="servers-app-all").text == "Show 88 more"
    every = show(browser, environment, "servers", "?all=1").one(id="servers-app")
    assert len(every.one("tbody").all("tr")) == 100


def test_the_page_is_completely_in_japanese(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    browser.cookies["django_language"] = "ja"

    shown = show(browser, environment)

    assert shown.one(id="state").text == "▲ 一部異常"
    assert "アプリサーバー" in shown.one("svg", class_="wide").text
    assert "ヘルスチェックに失敗しています" in shown.one(id="health").text


def test_the_page_needs_a_login(client: Client, db: None) -> None:
    environment = make_whole()
    make_user("nobody")

    for name in ("environment", "environment_servers", "environment_health_history", "environment_incidents"):
        assert client.get(url(environment, name))["Location"].startswith(reverse("login"))
