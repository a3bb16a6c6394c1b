"""What the page of an environment says about its health."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.models import Deployment, Environment
from deployments.models.health import (
    Association,
    DatabaseCluster,
    DatabaseMember,
    FleetInstance,
    Observation,
    Operation,
    ScalingActivity,
    SiteProbe,
    Target,
)
from tests.builders import make_deployment, make_environment, make_user
from tests.built_health import make_parts, make_past, make_whole, run_failed, server_id, unwell
from tests.views.pages import Element, page

TARGET_WORDS = {
    "initial": "◐ Being checked",
    "healthy": "✓ Healthy",
    "unhealthy": "✕ Unhealthy",
    "unhealthy.draining": "✕ Unhealthy, draining",
    "unused": "○ Not used",
    "draining": "◑ Draining",
    "unavailable": "○ Not checked",
    "something-new": "○ something-new",
}


def url(environment: Environment, name: str = "environment", *more: int) -> str:
    return reverse(name, args=[environment.pk, *more])


def show(client: Client, environment: Environment, query: str = "") -> Element:
    return page(client.get(url(environment) + query)).one("main")


def node(shown: Element, layout: str, tier: str, key: str) -> Element:
    return shown.one("a", id=f"{layout}-{tier}-{key}-link")


def row_of(shown: Element, row_id: str) -> str:
    return shown.one("tr", id=row_id).text


def test_an_environment_that_is_well_says_so_in_one_sentence(browser: Client) -> None:
    environment = make_whole()

    shown = show(browser, environment)

    assert "✓ Healthy Every part of the environment answers." in shown.one(id="health").text
    assert "Ready since" in shown.one(id="health").text
    assert "Health ✓ Healthy" in shown.one("p", class_="states").text
    assert "Deployment ✓ Succeeded" in shown.one("p", class_="states").text


def test_one_sick_server_is_named_with_its_reason_in_sentence_picture_and_row(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    sick = server_id("app", 1)

    shown = show(browser, environment)

    verdict = shown.one(id="health").text
    assert f"▲ Degraded app {sick} refuses the connection of health checks" in verdict
    assert "App servers ▲ Degraded 1 of 2" in verdict
    assert "Web servers ✓ Healthy 2 of 2" in verdict
    for layout in ("wide", "narrow"):
        box = node(shown, layout, "app", sick)
        assert box.text.startswith(f"✕ {sick[:-4]} {sick[-4:]} Unhealthy 40 s · it refuses the connection")
        assert box["aria-label"].startswith(f"{sick}, Unhealthy, it refuses the connection")
        assert box["href"] == f"#target-app-{sick}"
        assert "is-failed" in box["class"]
    told = row_of(shown, f"target-app-{sick}")
    assert "✕ Unhealthy" in told
    assert "unhealthy · Target.FailedHealthChecks" in told
    assert shown.one(id="targets").one("tbody").all("tr")[0]["id"] == f"target-app-{sick}"  # problems first
    assert "1 of 2 targets healthy" in node(shown, "wide", "nlb", "1").text


def test_the_picture_has_every_part_in_its_zone_and_a_table_says_the_same(browser: Client) -> None:
    shown = show(browser, make_whole())

    wide = shown.one("svg", class_="wide")
    assert [text.text for text in wide.all("text")] == ["ap-northeast-1a", "ap-northeast-1c"]
    links = wide.all("a", class_="node")
    tiers = [link["id"].split("-")[1] for link in links]
    assert tiers == ["alb", "web", "web", "nlb", "app", "app", "database", "database"]
    table = shown.one(id="architecture-table").one("tbody")
    assert len(table.all("tr")) == len(links)
    assert all("✓ Healthy" in row.text for row in table.all("tr"))
    ids = {element["id"] for element in shown.all() if "id" in element.attributes}
    assert {link["href"].removeprefix("#") for link in links} <= ids


def test_every_id_is_on_the_page_once(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    run_failed(environment)

    elements = page(browser.get(url(environment))).all()
    ids = [element["id"] for element in elements if "id" in element.attributes]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("state", TARGET_WORDS)
def test_every_state_of_a_target_has_a_word(browser: Client, state: str) -> None:
    environment = make_whole()
    unwell(environment, state=state, reason="")

    assert TARGET_WORDS[state] in row_of(show(browser, environment), f"target-app-{server_id('app', 1)}")


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("initial", "Elb.RegistrationInProgress", "it is being registered with its load balancer."),
        ("initial", "Elb.InitialHealthChecking", "it is being checked for the first time."),
        ("unhealthy", "Target.ResponseCodeMismatch", "it answers health checks with another HTTP code"),
        ("unhealthy", "Target.Timeout", "it does not answer health checks in time"),
        ("unhealthy", "Target.FailedHealthChecks", "it refuses the connection of health checks"),
        ("unused", "Target.NotRegistered", "it is not registered with its target group"),
        ("unused", "Target.NotInUse", "No load balancer uses the target group of it"),
        ("unused", "Target.InvalidState", "it is stopped or terminated"),
        ("unused", "Target.IpUnusable", "uses the address of it itself"),
        ("draining", "Target.DeregistrationInProgress", "it is being taken out"),
        ("unavailable", "Target.HealthCheckDisabled", "Health checks of it are switched off"),
        ("unavailable", "Elb.InternalError", "The load balancer of it has a fault of its own"),
    ],
)
def test_every_reason_code_is_said_in_words(browser: Client, state: str, code: str, said: str) -> None:
    environment = make_whole()
    unwell(environment, state=state, reason=code)

    told = row_of(show(browser, environment), f"target-app-{server_id('app', 1)}")

    assert said in told
    assert f"{state} · {code}" in told


def test_an_environment_that_is_being_made_shows_no_red(browser: Client) -> None:
    environment = make_environment("fresh", stack_status="CREATE_IN_PROGRESS")
    make_deployment(environment, state="stacks")

    empty = show(browser, environment)
    make_parts(environment)
    made = show(browser, environment)

    assert "as soon as CloudFormation has made them" in empty.one(id="health").text
    assert not empty.all("svg")
    assert "? Unknown It is being made." in made.one(id="health").text
    assert "Not ready yet. It waits for:" in made.one(id="health").text
    assert "was not asked" in made.one(id="health").text
    assert "not asked yet" in made.one(id="source-associations").text
    assert not made.one("svg", class_="wide").all("a", class_="is-failed")
    assert "No target is registered." in made.one(id="targets").text


def test_a_deployment_that_waits_says_what_for_though_state_manager_is_done(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    Deployment.objects.filter(environment=environment).update(
        state="traffic", active_key=environment.pk, ended_at=None, ready_at=None
    )
    Deployment.objects.update(created_at=timezone.now() - timedelta(hours=5))

    waits = show(browser, environment).one("ul", class_="waits").text

    assert f"app {server_id('app', 1)} refuses the connection of health checks" in waits
    assert "datelog has not saved a time" in waits


def test_a_set_without_anything_to_watch_says_so(browser: Client) -> None:
    environment = make_environment("topics", stack_id="arn:stack", stack_status="CREATE_COMPLETE")
    make_deployment(environment, state="succeeded")

    shown = show(browser, environment)

    assert "Nothing in these stacks can be watched" in shown.one(id="health").text
    assert not shown.all(id="save-time")
    assert not shown.all(id="past")


def test_a_failed_run_shows_its_task_on_top_and_its_recap(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)

    shown = show(browser, environment).one(id="associations")

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


def test_an_output_is_shown_without_controls_and_never_as_markup(browser: Client) -> None:
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


def test_an_output_that_was_not_read_yet_says_when_it_will_be(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    run.output, run.output_at = "", None
    run.save()

    shown = page(browser.get(url(environment, "environment_output", run.pk)))

    assert "has not been read from S3 yet" in shown.text


def test_the_fleet_shows_lifecycle_older_templates_and_activities(browser: Client) -> None:
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

    fleet = show(browser, environment).one(id="fleet")

    assert "◔ Ending, held by a hook" in row_of(fleet, f"instance-{leaving}")
    assert "v1 ▲ older" in row_of(fleet, f"instance-{leaving}")
    assert "older" not in row_of(fleet, f"instance-{newer}")
    assert fleet.one("tbody").all("tr")[0]["id"] == f"instance-{leaving}"
    assert "Web servers: 2 of 2 wanted" in fleet.text
    activities = fleet.one("ul", class_="activities").text
    assert "◐ In progress Launching a new EC2 instance: i-1" in activities
    assert "An instance was taken out of service" in activities


def test_the_database_shows_roles_lag_endpoints_and_what_waits_for_maintenance(browser: Client) -> None:
    environment = make_whole()
    DatabaseMember.objects.filter(instance_id="site-2").update(pending={"DBInstanceClass": "db.r8g.large"})
    DatabaseCluster.objects.update(status="failing-over")

    database = show(browser, environment).one(id="database")

    assert "▲ Failing over site-cluster" in database.text
    assert "Writer" in row_of(database, "member-site-1")
    assert "Reader" in row_of(database, "member-site-2")
    assert "12 ms" in row_of(database, "member-site-2")
    assert "waits for maintenance: DBInstanceClass → db.r8g.large" in row_of(database, "member-site-2")
    assert "writes to site.cluster-abc.rds.example:3306" in database.text


def test_after_a_failover_the_roles_are_swapped(browser: Client) -> None:
    environment = make_whole()
    DatabaseMember.objects.filter(instance_id="site-1").update(is_writer=False)
    DatabaseMember.objects.filter(instance_id="site-2").update(is_writer=True)

    shown = show(browser, environment)

    rows = shown.one(id="database").one("tbody").all("tr")
    assert [row["id"] for row in rows] == ["member-site-2", "member-site-1"]
    assert "✓ Writer Healthy" in node(shown, "wide", "database", "site-2").text


def test_a_denied_source_names_the_action_and_the_policy_to_add(browser: Client) -> None:
    environment = make_whole()
    Observation.objects.filter(source="associations").update(
        problem_code="AccessDeniedException",
        problem_sentence={
            "template": "AWS denies %(action)s (%(code)s).",
            "values": {"action": "ssm:DescribeAssociationExecutions", "code": "AccessDeniedException"},
        },
        observed_at=timezone.now() - timedelta(minutes=3),
    )

    shown = show(browser, environment)

    trouble = shown.one(id="trouble-associations")
    assert "ssm:DescribeAssociationExecutions" in trouble.text
    policy = trouble.one("button", id="policy-associations")["data-copy"]
    assert policy == ('{"Effect": "Allow", "Action": "ssm:DescribeAssociationExecutions", "Resource": "*"}')
    assert "What is shown is from before." in trouble.text
    assert "2 of 2 succeeded" in shown.one(id="associations").text  # and everything else works
    assert not shown.all(id="trouble-targets")


def test_figures_that_grow_old_are_called_old_and_only_those(browser: Client) -> None:
    environment = make_whole()
    Observation.objects.filter(source="fleet").update(observed_at=timezone.now() - timedelta(minutes=2))

    shown = show(browser, environment)

    assert shown.one(id="source-fleet").text.startswith("old · as of 2 min")
    assert "is-old" in shown.one(id="source-fleet")["class"]
    assert "old" not in shown.one(id="source-database").text
    assert "data-age" in shown.one(id="source-fleet").one("time").attributes


def test_figures_too_old_say_nothing_about_now(browser: Client) -> None:
    environment = make_whole()
    long_ago = timezone.now() - timedelta(hours=1)
    for rows in (Target.objects, FleetInstance.objects, DatabaseCluster.objects, Association.objects):
        rows.update(observed_at=long_ago)
    environment.load_balancers.update(observed_at=long_ago)

    assert "? Unknown" in show(browser, environment).one(id="health").text


def test_a_save_through_the_site_shows_what_answered_and_how_long_it_took(browser: Client) -> None:
    environment = make_whole()
    SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=True,
        read=False,
        milliseconds=184.3,
        sentence={"template": "%(where)s was not observed yet.", "values": {"where": "The reader"}},
        asked_by=environment.owner,
    )

    site = show(browser, environment).one(id="site")

    assert "✓ Yes" in site.text
    assert "✕ No The reader was not observed yet." in site.text
    assert "184 ms" in site.text
    assert environment.owner.username in site.text


def test_the_past_shows_the_dip_of_the_tier_and_the_time_to_ready(browser: Client) -> None:
    environment = make_whole()
    make_past(environment, ("app", timedelta(hours=9), timedelta(minutes=30)))

    past = show(browser, environment).one(id="past")

    labels = [strip["aria-label"] for strip in past.all("svg", class_="strip")]
    assert "Database, Last 24 hours: healthy 100 %" in labels
    assert any(label.startswith("App servers, Last 24 hours: healthy 97") for label in labels)
    dips = [row.text for row in past.one("details", id="past-day").one("tbody").all("tr")]
    assert len(dips) == 2  # the tier's and the environment's
    assert any("App servers ▲ Degraded 1/2" in dip for dip in dips)
    assert "12:00" in past.one("table", class_="bars").text


def test_the_past_is_refreshed_by_itself_and_left_alone_by_the_rest(browser: Client) -> None:
    environment = make_whole()
    make_past(environment)

    body = page(browser.get(url(environment), headers={"HX-Request": "true"}))
    past = body.one(id="past")

    assert not past.all("svg")
    assert "data-kept" in past.attributes
    assert len(page(browser.get(past["hx-get"])).all("svg", class_="strip")) == 12


def test_who_may_not_deploy_sees_why_the_buttons_are_off(viewer: Client) -> None:
    environment = make_whole()
    run_failed(environment)

    shown = show(viewer, environment)

    buttons = [
        button for button in shown.all("button") if button["id"].startswith(("save-time", "association-"))
    ]
    assert len(buttons) == 4
    for button in buttons:
        assert "disabled" in button.attributes
        assert button["aria-describedby"] == "may-not"
    assert "Can add deployment" in shown.one(id="may-not").text


def test_the_page_of_a_deleted_environment_asks_for_nothing(browser: Client) -> None:
    environment = make_whole()
    Environment.objects.filter(pk=environment.pk).update(deleted_at=timezone.now(), live_key=None)

    shown = show(browser, environment)

    assert not shown.all(id="health")
    assert not shown.all(id="architecture")
    environment.refresh_from_db()
    assert environment.watched_until is None


def test_who_looks_is_written_down_at_most_every_ten_seconds(browser: Client) -> None:
    environment = make_whole()
    later = timezone.now() + timedelta(minutes=1)
    Observation.objects.update(due_at=later)

    browser.get(url(environment))
    environment.refresh_from_db()
    first = environment.watched_until
    browser.get(url(environment))
    environment.refresh_from_db()

    assert first
    assert environment.watched_until == first
    assert not Observation.objects.filter(due_at=later).exists()  # the next figures come at once


def test_two_hundred_servers_cost_no_more_queries_and_stay_small(browser: Client) -> None:
    few, many = make_whole("few"), make_whole("many", servers=100)

    def queries(environment: Environment, query: str) -> int:
        browser.get(url(environment))
        with CaptureQueriesContext(connection) as seen:
            browser.get(url(environment) + query)
        return len(seen)

    assert queries(many, "") == queries(few, "")
    assert queries(many, "?all=1") == queries(few, "?all=1")
    for query in ("", "?all=1"):
        response = browser.get(url(many) + query, headers={"Accept-Encoding": "gzip"})
        assert response["Content-Encoding"] == "gzip"
        assert len(response.content) < 150_000
        assert b"100 of 100" in gzip.decompress(response.content)


def test_many_servers_are_counted_and_those_that_hurt_are_named(browser: Client) -> None:
    environment = make_whole(servers=100)
    for number in range(5):
        unwell(environment, number=2 * number + 1)  # all in one zone

    shown = show(browser, environment)

    boxes = [link.text for link in shown.one("svg", class_="wide").all("a") if "-app-" in link["id"]]
    assert len(boxes) == 1 + 5  # the other zone's count; three named, two counted, and the well ones
    assert "✓ 50 instances Healthy" in boxes
    assert "✕ 2 instances Unhealthy" in boxes
    assert "✓ 45 instances Healthy" in boxes
    targets = shown.one(id="targets")
    assert len(targets.one("tbody").all("tr")) == 12
    assert targets.one("a", id="targets-all").text == "Show 188 more"
    assert len(show(browser, environment, "?all=1").one(id="targets").one("tbody").all("tr")) == 200


def test_a_name_cannot_become_markup(browser: Client) -> None:
    environment = make_whole()
    evil = "<img src=x onerror=alert(1)>"
    unwell(environment, target_id=evil, description=evil, reason="New.Code")
    Association.objects.update(name=evil, document=evil)
    run = run_failed_named(environment, evil)

    response = browser.get(url(environment))

    assert b"<img" not in response.content
    assert evil in page(response).one(id=f"run-{run}-task").text


def run_failed_named(environment: Environment, name: str) -> int:
    run = run_failed(environment, number=0)
    run.failed_task = run.failed_message = name
    run.save()
    return run.pk


def test_in_japanese_every_word_is(browser: Client) -> None:
    environment = make_whole()
    unwell(environment)
    browser.cookies["django_language"] = "ja"

    shown = show(browser, environment)

    assert "健全性 ▲ 低下" in shown.one("p", class_="states").text
    assert "アプリケーションサーバー" in shown.one(id="health").text


def test_nobody_but_the_logged_in_sees_it(client: Client, db: None) -> None:
    environment = make_whole()
    make_user("nobody")

    for name in ("environment", "environment_past"):
        assert client.get(url(environment, name))["Location"].startswith(reverse("login"))


def test_run_again_asks_for_the_failed_ones_alone_and_says_that_it_did(browser: Client) -> None:
    environment = make_whole()
    run = run_failed(environment)
    form = show(browser, environment).one(id="association-assoc-app").one("form")
    fields = {field["name"]: field["value"] for field in form.all("input", type="hidden")}

    response = browser.post(form["action"], fields | {"only_failed": "1"})
    browser.post(form["action"], fields | {"only_failed": "1"})

    assert response["Location"] == url(environment) + "#associations"
    (asked,) = Operation.objects.all()
    assert asked.arguments["instance_ids"] == [run.instance_id]
    assert "A new run is on its way." in show(browser, environment).one(id="association-assoc-app").text
    assert show(browser, environment).one(id="association-assoc-web").all("form")


def test_what_came_of_a_wish_is_said_until_the_new_run_is_there(browser: Client) -> None:
    environment = make_whole()
    sentence = {
        "template": "AWS denies %(action)s (%(code)s).",
        "values": {"action": "ssm:StartAssociationsOnce", "code": "AccessDenied"},
    }
    Operation.objects.create(
        environment=environment,
        kind="run_association",
        asked_by=environment.owner,
        arguments={"association_id": "assoc-web"},
        state="failed",
        ended_at=timezone.now(),
        result={"sentence": sentence},
    )

    told = show(browser, environment).one(id="association-assoc-web-answer").text
    Association.objects.update(executed_at=timezone.now() + timedelta(seconds=1))

    assert told == "AWS denies ssm:StartAssociationsOnce (AccessDenied)."
    assert not show(browser, environment).all(id="association-assoc-web-answer")


def test_a_time_is_saved_through_the_site_once_for_two_clicks(browser: Client) -> None:
    environment = make_whole()
    form = show(browser, environment).one("div", class_="actions").one("form")

    for _ in range(2):
        assert browser.post(form["action"])["Location"] == url(environment) + "#site"

    assert Operation.objects.get().kind == "save_time"
    assert "ana saves a time through the site…" in show(browser, environment).one(id="site").text


def test_what_cannot_be_asked_for_is_refused_in_a_sentence(browser: Client) -> None:
    environment = make_whole()

    response = browser.post(url(environment, "environment_run"), {"association": "other"}, follow=True)

    assert "no such association" in page(response).one("li", role="alert").text


@pytest.mark.parametrize("name", ["environment_run", "environment_save_time"])
def test_who_may_not_deploy_is_refused_what_acts(viewer: Client, name: str) -> None:
    environment = make_whole()

    assert viewer.post(url(environment, name), {"association": "assoc-web"}).status_code == 403
    assert not Operation.objects.exists()
