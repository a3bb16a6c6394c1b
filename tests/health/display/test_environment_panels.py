"""The panels of an environment's page: the data of each source, and its actions."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.database import DatabaseCluster, DatabaseMember
from deployments.health.models.fleet import FleetInstance, ScalingActivity
from deployments.health.models.observing import Observation
from deployments.health.models.reads import observations_of
from deployments.health.models.samples import HealthSample
from deployments.health.models.site import SiteProbe, SiteReads
from deployments.health.rules import servers
from deployments.health.rules.site_reads import classed
from deployments.stacks.models.action_requests import ActionRequest
from tests.builders import make_deployment, make_environment
from tests.health_builders import make_whole, run_failed, server_id, unwell
from tests.pages.environment_pages import node, row_of, show, url
from tests.pages.pages import page


def test_a_failed_run_displays_its_task_and_recap(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)

    shown = show(browser, environment, "servers").one(id="associations")

    panel = shown.one(id="association-assoc-app")
    assert "✕ Failed failed on 1 of 2" in panel.text
    task = panel.one(id=f"run-{run.pk}-task")
    assert "Install the release" in task.text
    assert "No matching distribution found" in task.one("pre").text
    first = panel.one("tbody").all("tr")[0]
    assert first["id"] == f"run-{run.pk}"
    assert "ok 9 changed 3 failed 1" in first.text
    assert "2:58" in first.text
    assert not shown.one(id="association-assoc-web").all("pre")


def test_a_failed_run_without_a_task_displays_its_message(browser: Client) -> None:
    """A script, or a download before the playbook began."""
    environment = make_whole()
    run = run_failed(environment)
    run.failed_task, run.failed_message = "", "sh: cannot create site.zip: No space left on device"
    run.save()

    shown = show(browser, environment, "servers").one(id=f"run-{run.pk}-task")

    assert run.instance_id in shown.text
    assert shown.one("pre").text == run.failed_message
    assert not shown.all("b")


def test_a_skipped_run_shows_nothing_of_an_earlier_one(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    run.status = "Skipped"  # with the recap that an earlier version of Sanso had stored
    run.save()

    row = show(browser, environment, "servers").one("tr", id=f"run-{run.pk}")
    alone = page(browser.get(url(environment, "environment_output", run.pk)))

    assert "Skipped" in row.text
    assert "ok 9" not in row.text
    assert not row.all("details")
    assert "The run was skipped, so it has no output." in alone.text
    assert "FAILED!" not in alone.text


def test_an_output_is_displayed_as_text_without_control_characters(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    address = url(environment, "environment_output", run.pk)

    alone = browser.get(address, headers={"HX-Request": "true"})
    whole = page(browser.get(address))

    assert "\x1b" not in alone.content.decode()
    assert "<script>" not in alone.content.decode()
    assert "FAILED! <script>alert(1)</script>" in page(alone).all("pre")[-1].text
    assert not page(alone).all("html")
    assert "FAILED!" in whole.one("main").text
    assert browser.get(url(make_whole("other"), "environment_output", run.pk)).status_code == 404


def test_an_output_that_was_not_read_yet_is_explained(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    run.output, run.output_at = "", None
    run.save()

    shown = page(browser.get(url(environment, "environment_output", run.pk)))

    assert "has not been read from S3 yet" in shown.text


def test_the_servers_of_a_tier_have_lifecycle_older_templates_and_activities(browser: Client) -> None:
    environment = make_whole()
    leaving, newer = server_id("web", 0), server_id("web", 1)
    FleetInstance.objects.filter(instance_id=leaving).update(lifecycle="Terminating:Wait")
    FleetInstance.objects.filter(instance_id=newer).update(launch_template_version="2")
    ScalingActivity.objects.create(
        environment=environment,
        tier="web",
        group="web-group",
        activity_id="activity-1",
        status="InProgress",
        description="Launching a new EC2 instance: i-1",
        cause="An instance was taken out of service",
        started_at=timezone.now() - timedelta(seconds=20),
    )

    shown = show(browser, environment, "servers")

    servers = shown.one(id="servers-web")
    left = row_of(servers, f"target-web-{leaving}")
    assert left.startswith(f"web {leaving[-4:]} {leaving}:80 t4g.micro ap-northeast-1a ✓ Healthy")
    assert "◔ Terminating, waiting for a lifecycle hook v1 ▲ outdated" in left
    assert "outdated" not in row_of(servers, f"target-web-{newer}")
    assert servers.one("tbody").all("tr")[0]["id"] == f"target-web-{leaving}"
    assert "Web servers 2 of 2 desired ALB ✓ Active" in servers.text
    assert len(shown.one(id="servers-app").one("tbody").all("tr")) == 2
    activities = shown.one("ul", class_="activities").text
    assert "◐ In progress Launching a new EC2 instance: i-1" in activities
    assert "An instance was taken out of service" in activities


def test_the_database_displays_roles_lag_endpoints_and_pending_changes(browser: Client) -> None:
    environment = make_whole()
    DatabaseMember.objects.filter(instance_id="site-2").update(pending={"DBInstanceClass": "db.r8g.large"})
    DatabaseCluster.objects.update(status="failing-over")

    database = show(browser, environment, "database").one(id="database")

    assert "▲ Failing over site-cluster" in database.text
    assert "Writer" in row_of(database, "member-site-1")
    assert "Reader" in row_of(database, "member-site-2")
    assert "12 ms" in row_of(database, "member-site-2")
    assert "pending change: DBInstanceClass → db.r8g.large" in row_of(database, "member-site-2")
    assert "writes to site.cluster-abc.rds.example:3306" in database.text


def test_after_a_failover_the_roles_are_swapped(browser: Client) -> None:
    environment = make_whole()
    DatabaseMember.objects.filter(instance_id="site-1").update(is_writer=False)
    DatabaseMember.objects.filter(instance_id="site-2").update(is_writer=True)

    rows = show(browser, environment, "database").one(id="database").one("tbody").all("tr")
    assert [row["id"] for row in rows] == ["member-site-2", "member-site-1"]
    assert "✓ Writer Healthy" in node(show(browser, environment), "wide", "database", "site-2").text


def denied(action: str, code: str = "AccessDeniedException") -> dict[str, object]:
    return Message(Code.AWS_DENIED_SHORT, {"action": action, "code": code}).as_json()


def test_a_denied_source_names_the_action_and_the_policy_to_add(browser: Client) -> None:
    environment = make_whole()
    Observation.objects.filter(source="associations").update(
        problem_code="AccessDeniedException",
        problem_sentence=denied("ssm:DescribeAssociationExecutions"),
        observed_at=timezone.now() - timedelta(minutes=3),
    )

    shown = show(browser, environment, "servers")

    trouble = shown.one(id="trouble-associations")
    assert "ssm:DescribeAssociationExecutions" in trouble.text
    policy = trouble.one("button", id="policy-associations")["data-copy"]
    assert policy == ('{"Effect": "Allow", "Action": "ssm:DescribeAssociationExecutions", "Resource": "*"}')
    assert "The data shown is out of date." in trouble.text
    assert "2 of 2 succeeded" in shown.one(id="associations").text  # everything else works
    assert not shown.all(id="trouble-targets")


def test_a_site_check_displays_its_responses_and_times(browser: Client) -> None:
    environment = make_whole()
    SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=True,
        read=False,
        milliseconds=184.3,
        sentence=Message(Code.NOT_OBSERVED, {"where": "The reader"}).as_json(),
        asked_by=environment.owner,
    )

    site = show(browser, environment).one(id="site")

    assert "✓ Yes" in site.text
    assert "✕ No The reader has not been observed yet." in site.text
    assert "184 ms" in site.text
    assert environment.owner.username in site.text


def make_reads(environment: Environment, **values: Any) -> SiteReads:
    """Return the row of the current five minutes, as written by reads through the load balancer."""
    now = timezone.now()
    reads: dict[str, Any] = {"reads": 400, "failed": 2, "milliseconds": 398 * 40.0, "slowest": 310.2}
    reads["durations"] = classed([30.0] * 360 + [120.0] * 38)
    latest = {"latest_at": now, "latest_reads": 4, "latest_failed": 0, "latest_milliseconds": 41.6}
    return SiteReads.objects.create(environment=environment, start=now, **(reads | latest | values))


def test_the_latest_reads_are_shown_with_their_duration(browser: Client) -> None:
    environment = make_whole()
    make_reads(environment)

    shown = show(browser, environment)

    text = shown.one(id="site-reads").text
    assert text.startswith("4 of 4 reads succeeded · 42 ms")
    edge = shown.one("svg", class_="wide").one("svg", class_="edge")
    assert edge["aria-label"] == "Median latency 31 ms, 0.5 % of reads failed"
    assert [text.text for text in edge.all("text")] == ["31 ms", "0.5 %"]


def test_reads_that_fail_degrade_the_environment_and_say_why(browser: Client) -> None:
    environment = make_whole()
    problem = Message(Code.SITE_ERROR_STATUS, {"path": "/read", "status": "504", "text": "Timeout"})
    make_reads(environment, latest_failed=1, problem=problem.as_json())

    shown = show(browser, environment)

    assert "1 of 4 reads of the site failed." in shown.one(id="health").text
    assert "3 of 4 reads succeeded" in shown.one(id="site-reads").text
    assert "/read returns 504: Timeout" in shown.one(id="site-reads").text


def test_a_site_that_the_portal_cannot_reach_is_not_measured_and_not_unhealthy(browser: Client) -> None:
    environment = make_whole()
    problem = Message(Code.SITE_CONNECTION_FAILED, {"port": "80", "error": "timed out"})
    make_reads(
        environment, reached=False, latest_failed=4, latest_milliseconds=None, problem=problem.as_json()
    )

    shown = show(browser, environment)

    assert not shown.all(id="health")
    text = shown.one(id="site-reads").text
    assert "Not measured. Sanso cannot connect to the load balancer" in text
    assert "does not accept connections on port 80 (timed out)" in text


def test_the_history_has_the_error_rate_and_the_durations(browser: Client) -> None:
    environment = make_whole()
    make_reads(environment)
    HealthSample.objects.create(
        environment=environment, at=timezone.now(), tier="site", word="healthy", healthy=4, total=4
    )

    past = page(browser.get(url(environment, "environment_health_history"), headers={"HX-Request": "true"}))

    assert "Site: 0.5 % of 400 reads failed · 40 ms on average, p95 117 ms, 310 ms at most" in past.text
    assert "p95, 3 h 117 ms" in show(browser, environment).one(id="site-hours").text


def make_reads_since(environment: Environment, now: datetime, minutes: int, **values: Any) -> None:
    row = make_reads(environment, **values)
    SiteReads.objects.filter(pk=row.pk).update(start=now - timedelta(minutes=minutes))


def shape(d: str) -> list[list[float]]:
    """Return the pieces of a line as their numbers: left, height, then right and what follows at once."""
    return [[float(number) for number in re.findall(r"[0-9.]+", piece)] for piece in d.split("M")[1:]]


def test_the_chart_of_the_reads_begins_at_the_creation_and_ends_now(browser: Client) -> None:
    environment = make_whole()
    now = timezone.now()
    Environment.objects.filter(pk=environment.pk).update(created_at=now - timedelta(minutes=8))
    for minutes in (10, 5):
        make_reads_since(environment, now, minutes, failed=0)

    [line] = shape(
        show(browser, environment).one(id="site-hours").one(class_="area").one("path", class_="median")["d"]
    )

    assert line[0] == 0
    assert line[2] == pytest.approx(1000 * 3 / 8, abs=20)
    assert line[-1] == pytest.approx(1000, abs=20)


def test_the_chart_has_a_gap_where_nothing_was_measured(browser: Client) -> None:
    environment = make_whole()
    now = timezone.now()
    Environment.objects.filter(pk=environment.pk).update(created_at=now - timedelta(hours=1))
    for minutes in (40, 35, 5):
        make_reads_since(environment, now, minutes)
    make_reads_since(environment, now, 20, failed=400, milliseconds=0.0, durations={})

    chart = show(browser, environment).one(id="site-hours")

    for name in ("median", "p95"):
        first, second = shape(chart.one(class_="area").one("path", class_=name)["d"])
        assert (first[0], first[-1]) == pytest.approx((0, 250), abs=10)
        assert (second[0], second[-1]) == pytest.approx((875, 1000), abs=10)


def test_a_failure_is_drawn_as_high_as_its_share_of_the_reads(browser: Client) -> None:
    environment = make_whole()
    now = timezone.now()
    for minutes, failed in ((15, 400), (10, 200), (5, 1)):
        make_reads_since(environment, now, minutes, failed=failed)

    chart = show(browser, environment).one(id="site-hours")

    bars = chart.one(class_="area").all("rect", class_="failed")
    assert [int(bar["height"]) for bar in bars] == [20, 10, 2]
    assert [row.text.split()[-3:] for row in chart.one("tbody").all("tr")] == [
        ["1", "of", "400"], ["200", "of", "400"], ["400", "of", "400"],
    ]  # fmt: skip


def test_the_axis_of_the_chart_begins_at_zero_and_names_the_zone(browser: Client) -> None:
    environment = make_whole()
    make_reads_since(environment, timezone.now(), 5)

    chart = show(browser, environment).one(id="site-hours")

    assert [text.text for text in chart.one(class_="axis").all("text")] == ["200 ms", "100", "0", "failed"]
    assert chart.one(class_="area").all("text")[-1].text.endswith(" UTC")
    assert "2 of 400 reads failed" in chart.one(class_="area")["aria-label"]


def test_a_change_during_the_chart_is_a_mark_and_is_in_its_table(browser: Client) -> None:
    environment = make_whole()
    make_reads_since(environment, timezone.now(), 15)
    change = make_deployment(environment, kind="update", state="succeeded", last_phase="stacks")

    chart = show(browser, environment).one(id="site-hours")

    assert [mark.one("title").text for mark in chart.all("g", class_="mark")] == [f"Update {change.pk}"]
    assert chart.one("a", id=f"chart-deployment-{change.pk}").text == f"Update {change.pk}"


def test_reads_of_the_release_before_have_no_percentile(browser: Client) -> None:
    environment = make_whole()
    make_reads(environment, durations=None)
    HealthSample.objects.create(
        environment=environment, at=timezone.now(), tier="site", word="healthy", healthy=4, total=4
    )

    past = page(browser.get(url(environment, "environment_health_history"), headers={"HX-Request": "true"}))

    assert "Site: 0.5 % of 400 reads failed · 40 ms on average, 310 ms at most" in past.text
    chart = show(browser, environment).one(id="site-hours")
    assert "p95" not in chart.one("dl").text
    assert chart.one(class_="area").one("path", class_="p95")["d"] == ""


def test_viewers_see_why_buttons_are_disabled(viewer: Client) -> None:
    environment = make_whole()
    run_failed(environment)

    shown = show(viewer, environment, "servers")

    buttons = [one for one in shown.all("button") if one["id"].startswith("association-")]
    assert len(buttons) == 3
    for button in buttons:
        assert "disabled" in button.attributes
        assert button["aria-describedby"] == "may-not"
    assert "Run associations and site checks, take snapshots" in shown.one(id="may-not").text
    overview = show(viewer, environment)
    assert not overview.all(id="may-not")
    check = overview.one("button", id="save-time")
    assert "disabled" in check.attributes
    assert overview.one(id=check["aria-describedby"]).text == "You need the role Operator for staging."


def test_names_are_escaped(browser: Client) -> None:
    environment = make_whole()
    evil = "<img src=x onerror=alert(1)>"
    unwell(environment, target_id=evil, description=evil, reason="New.Code")
    Association.objects.update(name=evil, document=evil)
    run = run_failed_named(environment, evil)

    response = browser.get(url(environment, "environment_servers"))

    assert b"<img" not in response.content
    assert evil in page(response).one(id=f"run-{run}-task").text


def run_failed_named(environment: Environment, name: str) -> int:
    run = run_failed(environment, number=0)
    run.failed_task = run.failed_message = name
    run.save()
    return run.pk


def test_an_association_can_be_run_on_failed_instances(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    form = show(browser, environment, "servers").one(id="association-assoc-app").one("form")
    fields = {field["name"]: field["value"] for field in form.all("input", type="hidden")}

    response = browser.post(form["action"], fields | {"only_failed": "1"})
    browser.post(form["action"], fields | {"only_failed": "1"})

    assert response["Location"] == url(environment, "environment_servers") + "#associations"
    (requested,) = ActionRequest.objects.all()
    assert requested.arguments["instance_ids"] == [run.instance_id]
    assert (
        "A new run has been requested."
        in show(browser, environment, "servers").one(id="association-assoc-app").text
    )
    assert show(browser, environment, "servers").one(id="association-assoc-web").all("form")


def test_a_server_of_another_environment_that_an_association_ran_on_is_not_called_this_ones(
    browser: Client,
) -> None:
    environment = make_whole()
    run = run_failed(environment)
    shop = make_environment("shop", account=environment.account)
    now = timezone.now()
    FleetInstance.objects.create(
        environment=shop, tier="app", group="g", instance_id="i-shop", first_seen_at=now, observed_at=now
    )
    foreign = AssociationRun.objects.create(
        association=run.association,
        execution_id=run.execution_id,
        instance_id="i-shop",
        status="Failed",
        at=now,
        failed_message="It is not for this script.",
    )

    shown = show(browser, environment, "servers")

    panel = shown.one(id="association-assoc-app")
    assert "server of another environment" in panel.one("tr", id=f"run-{foreign.pk}").text
    assert "server of another environment" in panel.one(id=f"run-{foreign.pk}-task").text
    assert "server of another environment" not in panel.one("tr", id=f"run-{run.pk}").text
    assert "failed on 1 of 2" in panel.text  # of the environment's own servers
    assert "i-shop" not in shown.one(id="servers-app").text
    assert {one.key for one in servers.components("app", observations_of(environment), now)} == {
        server_id("app", number) for number in (0, 1)
    }
    form = panel.one("form")
    fields = {field["name"]: field["value"] for field in form.all("input", type="hidden")}
    browser.post(form["action"], fields | {"only_failed": "1"})
    assert ActionRequest.objects.get().arguments["instance_ids"] == [run.instance_id]


def test_the_result_of_a_request_is_displayed_until_the_new_run_exists(browser: Client) -> None:
    environment = make_whole()
    sentence = denied("ssm:StartAssociationsOnce", "AccessDenied")
    ActionRequest.objects.create(
        environment=environment,
        kind="run_association",
        asked_by=environment.owner,
        arguments={"association_id": "assoc-web"},
        state="failed",
        ended_at=timezone.now(),
        result={"sentence": sentence},
    )

    outcome = show(browser, environment, "servers").one(id="association-assoc-web-answer").text
    Association.objects.update(executed_at=timezone.now() + timedelta(seconds=1))

    assert outcome == "AWS denied ssm:StartAssociationsOnce (AccessDenied)."
    assert not show(browser, environment, "servers").all(id="association-assoc-web-answer")


def test_a_double_click_requests_one_site_check(browser: Client) -> None:
    environment = make_whole()
    form = show(browser, environment).one("div", class_="actions").one("form")

    for _ in range(2):
        assert browser.post(form["action"])["Location"] == url(environment) + "#site"

    assert ActionRequest.objects.get().kind == "save_time"
    assert "ana is running a site check…" in show(browser, environment).one(id="site").text


def test_impossible_requests_are_rejected_with_an_explanation(browser: Client) -> None:
    environment = make_whole()

    response = browser.post(url(environment, "environment_run"), {"association": "other"}, follow=True)

    assert "no such association" in page(response).one("span", role="alert").text


@pytest.mark.parametrize("name", ["environment_run", "environment_site_check"])
def test_viewers_may_not_request_actions(viewer: Client, name: str) -> None:
    environment = make_whole()

    assert viewer.post(url(environment, name), {"association": "assoc-web"}).status_code == 403
    assert not ActionRequest.objects.exists()
