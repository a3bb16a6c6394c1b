"""The maintenance of a database on the page of its environment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.maintenance import DatabaseMaintenance, DatabaseSecret, PendingMaintenance
from deployments.health.models.observing import Observation
from tests.health_builders import make_whole
from tests.pages.environment_pages import show, url
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


def maintenance(browser: Client, environment: Environment) -> Element:
    return show(browser, environment, "database").one(id="maintenance")


def add_action(environment: Environment, action: str, **values: object) -> PendingMaintenance:
    return PendingMaintenance.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        action=action,
        observed_at=timezone.now(),
        **values,
    )


def test_versions_support_and_window_are_displayed(browser: Client) -> None:
    shown = maintenance(browser, make_whole())

    assert "Engine version 8.0.mysql_aurora.3.10.0" in shown.text
    assert shown.one("dd", class_="newest-version").text == "8.0.mysql_aurora.3.12.0"
    assert "2 newer minor versions" in shown.text
    assert "Standard support until 2028-04-30" in shown.text
    assert "Extended support until 2029-07-31" in shown.text
    assert "sun:18:00–sun:18:30 UTC" in shown.text
    assert "No pending maintenance." in shown.text


@pytest.mark.parametrize(
    ("standard", "extended", "status"),
    [
        (timedelta(days=100), timedelta(days=500), "Ends soon"),
        (timedelta(days=-3), timedelta(days=500), "Ended; extended support for a fee"),
        (timedelta(days=-900), timedelta(days=-3), "Ended"),
    ],
)
def test_the_end_of_support_has_a_status_from_half_a_year_before(
    browser: Client, standard: timedelta, extended: timedelta, status: str
) -> None:
    environment = make_whole()
    now = timezone.now()
    DatabaseMaintenance.objects.update(
        standard_support_ends_at=now + standard, extended_support_ends_at=now + extended
    )

    assert maintenance(browser, environment).one("dd", class_="standard-support").text.endswith(status)


def test_pending_actions_have_resource_dates_and_rdss_description_the_soonest_first(browser: Client) -> None:
    environment = make_whole()
    forced = timezone.now() + timedelta(days=9)
    add_action(environment, "ca-certificate-rotation")
    add_action(environment, "of-the-future", instance_id="site-2", applies_at=forced + timedelta(days=1))
    add_action(
        environment,
        "os-upgrade",
        instance_id="site-1",
        description="New Operating System update is available",
        applies_at=forced,
        forced_at=forced,
    )

    first, second, last = (row.text for row in maintenance(browser, environment).one("tbody").all("tr"))

    assert first.startswith("Update of the operating system os-upgrade New Operating System update")
    assert "site-1" in first
    assert first.count(f"{forced:%Y-%m-%d %H:%M:%S} UTC") == 2
    assert second.startswith("of-the-future")
    assert last == "Rotation of the CA certificate ca-certificate-rotation site-cluster – – –"


def test_before_the_first_poll_nothing_is_claimed(browser: Client) -> None:
    environment = make_whole()
    DatabaseMaintenance.objects.all().delete()
    Observation.objects.filter(source="maintenance").update(observed_at=None)

    shown = maintenance(browser, environment)

    assert "have not been read yet" in shown.text
    assert "No pending maintenance." not in shown.text


def test_a_missing_permission_is_named_with_the_statement_that_grants_it(browser: Client) -> None:
    environment = make_whole()
    action = "rds:DescribePendingMaintenanceActions"
    problem = Message(Code.AWS_DENIED_SHORT, {"action": action, "code": "AccessDenied"})
    DatabaseMaintenance.objects.update(newer_versions=None)
    Observation.objects.filter(source="maintenance").update(
        problem_code="AccessDenied", problem_sentence=problem.as_json()
    )

    shown = maintenance(browser, environment)

    assert f"The role lacks {action} ." in shown.one(id="trouble-maintenance").text
    assert "No pending maintenance." not in shown.text
    assert shown.one("dd", class_="newest-version").text == "–"


def test_secrets_have_age_and_rotation_the_administrators_first(browser: Client) -> None:
    environment = make_whole()

    shown = show(browser, environment, "database").one(id="secrets")

    first, second = (row.text for row in shown.one("tbody").all("tr"))
    assert first.startswith("Administrator of site-cluster rds!cluster-0a1b2c3d 3 d")
    assert second == "Secret of the stack sanso-site-datelog 200 d Never None"

    DatabaseSecret.objects.all().delete()
    assert not show(browser, environment, "database").all("section", id="secrets")


def test_the_panel_is_translated(browser: Client) -> None:
    environment = make_whole()
    add_action(environment, "os-upgrade")

    response = browser.get(url(environment, "environment_database"), headers={"Accept-Language": "ja"})

    shown = page(response).one(id="maintenance").text
    assert "OS の更新" in shown
    assert "標準サポートの終了日 2028-04-30" in shown
