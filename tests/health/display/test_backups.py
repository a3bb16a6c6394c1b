"""The backups of a database on the page of its environment, and the request for a snapshot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster, DatabaseSnapshot
from deployments.health.models.observing import Observation
from deployments.stacks.models.action_requests import ActionRequest
from tests.health_builders import make_whole
from tests.pages.environment_pages import show, url
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


def backups(browser: Client, environment: Environment, query: str = "") -> Element:
    return show(browser, environment, "database", query).one(id="backups")


def add_snapshot(environment: Environment, name: str, **values: object) -> DatabaseSnapshot:
    given: dict[str, object] = {"cause": "requested", "status": "available", "size": 3}
    return DatabaseSnapshot.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        snapshot_id=name,
        observed_at=timezone.now(),
        **(given | values),
    )


def test_retention_window_and_restorable_times_are_displayed(browser: Client) -> None:
    environment = make_whole()
    latest = timezone.now() - timedelta(minutes=5, seconds=3)
    DatabaseCluster.objects.update(latest_restorable_at=latest)

    shown = backups(browser, environment)

    assert "Retention 7 days" in shown.text
    assert "Daily backup window 17:00–17:30 UTC" in shown.text
    restorable = shown.one("dd", class_="latest-restorable")
    assert f"{latest:%Y-%m-%d %H:%M:%S} UTC" in restorable.text
    assert "5 min ago" in restorable.text
    assert "7 d ago" in shown.one("dd", class_="earliest-restorable").text


def test_snapshots_have_age_size_status_and_cause_newest_first(browser: Client) -> None:
    environment = make_whole()
    now = timezone.now()
    add_snapshot(environment, "sanso-1", created_at=now - timedelta(hours=1))
    add_snapshot(environment, "sanso-2", status="creating", progress=40, size=0)
    add_snapshot(environment, "final", cause="final", created_at=now - timedelta(days=3))
    add_snapshot(environment, "by-hand", cause="manual", status="odd", created_at=now - timedelta(days=4))

    rows = [row.text for row in backups(browser, environment).one("tbody").all("tr")]

    assert rows[0].startswith("sanso-2 Taken in Sanso ◐ Creating 40 %")
    assert rows[1] == "sanso-1 Taken in Sanso ✓ Available 1 h 3 GiB Create again with this data : sanso-1"
    assert "rds:site-cluster-2026-12-01-17-04 Automated" in rows[2]
    assert "Final, before the cluster was deleted" in rows[3]
    assert "Manual, taken outside of Sanso" in rows[4]
    assert "odd" in rows[4]


def test_only_the_newest_snapshots_are_displayed_at_first(browser: Client) -> None:
    environment = make_whole()
    for number in range(14):
        add_snapshot(environment, f"s-{number}", created_at=timezone.now() - timedelta(days=number))

    shown = backups(browser, environment)

    assert len(shown.one("tbody").all("tr")) == 12
    assert shown.one("a", id="backups-all").text == "Show 3 more"
    assert len(backups(browser, environment, "?all=1").one("tbody").all("tr")) == 15


def test_without_snapshots_the_page_explains_what_takes_one(browser: Client) -> None:
    environment = make_whole()
    DatabaseSnapshot.objects.all().delete()

    shown = backups(browser, environment)

    assert "No snapshots yet." in shown.text
    assert not shown.all("table")


def test_before_the_first_poll_nothing_is_claimed(browser: Client) -> None:
    environment = make_whole()
    DatabaseSnapshot.objects.all().delete()
    DatabaseCluster.objects.update(
        backup_retention_days=None,
        backup_window="",
        earliest_restorable_at=None,
        latest_restorable_at=None,
    )
    Observation.objects.filter(source="backups").update(observed_at=None)

    shown = backups(browser, environment)

    assert "Retention –" in shown.text
    assert "not polled yet" in shown.text
    assert "No snapshots yet." not in shown.text


def test_a_missing_permission_is_named_with_the_statement_that_grants_it(browser: Client) -> None:
    environment = make_whole()
    action = "rds:DescribeDBClusterSnapshots"
    problem = Message(Code.AWS_DENIED_SHORT, {"action": action, "code": "AccessDenied"})
    Observation.objects.filter(source="backups").update(
        problem_code="AccessDenied", problem_sentence=problem.as_json()
    )

    shown = backups(browser, environment)

    trouble = shown.one(id="trouble-backups").text
    assert "Aurora (snapshots) is not responding." in trouble
    assert f"The role lacks {action} ." in trouble
    assert action in shown.one("code", class_="policy").text


def test_a_snapshot_is_requested_and_its_result_displayed(browser: Client) -> None:
    environment = make_whole()
    form = backups(browser, environment).one("form", method="post")
    fields = {field["name"]: field["value"] for field in form.all("input", type="hidden")}

    for _ in range(2):
        assert browser.post(form["action"], fields)["Location"].endswith("/database#backups")

    row = ActionRequest.objects.get()
    name = row.arguments["snapshot_id"]
    shown = backups(browser, environment)
    assert f"ana is taking the snapshot {name}…" in shown.text
    assert not shown.all("form", method="post")

    sentence = Message(Code.SNAPSHOT_QUOTA, {"code": "SnapshotQuotaExceeded"}).as_json()
    ActionRequest.objects.update(
        state="failed", ended_at=timezone.now(), active_key=None, result={"sentence": sentence}
    )
    shown = backups(browser, environment)
    assert "quota of manual cluster snapshots" in shown.one("span", id="snapshot-answer-site-cluster").text
    assert shown.all("form", method="post")
    with translation.override("ja"):
        japanese = browser.get(url(environment, "environment_database"), headers={"Accept-Language": "ja"})
    assert "クォータ" in page(japanese).one(id="backups").text


def test_viewers_cannot_take_snapshots(viewer: Client) -> None:
    environment = make_whole()

    button = backups(viewer, environment).one("button", id="take-snapshot-site-cluster")

    assert button["disabled"] is not None
    assert viewer.post(url(environment, "environment_snapshot")).status_code == 403
    assert not ActionRequest.objects.exists()


def test_an_impossible_request_is_explained(browser: Client) -> None:
    environment = make_whole()

    response = browser.post(url(environment, "environment_snapshot"), {"cluster": "other"}, follow=True)

    assert "no such database cluster" in page(response).one("span", role="alert").text


def test_the_deletion_page_lists_the_snapshots_that_stay(browser: Client) -> None:
    environment = make_whole()
    add_snapshot(environment, "sanso-1", created_at=timezone.now())

    shown = page(browser.get(url(environment, "environment_delete"))).one("main")

    assert "sanso-1" in shown.text
    assert "It stays until somebody deletes it." in shown.text
    assert "rds:site-cluster-2026-12-01-17-04" not in shown.text
