"""A new environment with the data of a point in time: the field on the tab, and the form."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.browsing import TEMPLATE
from tests.builders import allow, disallow
from tests.changes.pages.test_create_again import VALUES, change
from tests.health_builders import make_whole
from tests.pages.environment_pages import show
from tests.pages.pages import Element, page

PARAMETERS = "  Source: {Type: String, Default: ''}\n  Time: {Type: String, Default: ''}\nResources:\n"
MANIFEST = "root: root.yaml\npoint_in_time_parameters: {cluster: Source, time: Time}\n"
NEW = reverse("environment_new")


@pytest.fixture
def operator(operator: User) -> User:
    """A second user who may change environments."""
    allow(operator, "change_environment")
    return User.objects.get(pk=operator.pk)


@pytest.fixture
def template_set(template_set: Path) -> Path:
    """The small set with parameters for a point in time."""
    (template_set / "root.yaml").write_text(TEMPLATE.replace("Resources:\n", PARAMETERS))
    (template_set / "template-set.yaml").write_text(MANIFEST)
    return template_set


@pytest.fixture
def shop(template_set: Path, operator: User) -> Environment:
    """A deployed environment whose database was observed."""
    current = template_files.load(template_set)
    stored_sets.keep(current)
    found = make_whole("shop", owner=operator)
    parameters = VALUES | {"Source": "", "Time": ""}
    Deployment.objects.filter(environment=found).update(
        parameters=parameters, template_digest=current.digest, last_phase="ready"
    )
    Environment.objects.filter(pk=found.pk).update(parameters=parameters)
    return found


def restore_form(browser: Client, shop: Environment, at: datetime | str, **given: str) -> Element:
    """Return the form that the field on the tab leads to."""
    text = at if isinstance(at, str) else f"{at:%Y-%m-%dT%H:%M:%S}"
    query = {"data_of": str(shop.pk), "cluster": "site-cluster", "zone": "UTC", "at": text, **given}
    return page(browser.get(NEW, query))


def test_the_tab_has_a_field_with_the_times_that_can_be_restored(browser: Client, shop: Environment) -> None:
    latest = datetime.fromisoformat("2026-12-02T14:05:00.300+00:00")
    DatabaseCluster.objects.update(
        earliest_restorable_at=latest - timedelta(days=7), latest_restorable_at=latest
    )

    form = show(browser, shop, "database").one("form", id="restore-site-cluster")

    field = form.one(id="restore-at-site-cluster")
    assert (field["min"], field["max"]) == ("2026-11-25T14:05:01", "2026-12-02T14:05:00")
    assert field["value"] == field["max"]
    assert "From 2026-11-25 14:05:01 to 2026-12-02 14:05:00. Time zone: UTC." in form.text


@pytest.mark.usefixtures("shop")
def test_who_may_not_change_the_environment_has_no_field(
    browser: Client, operator: User, shop: Environment
) -> None:
    disallow(operator, "change_environment")

    assert not show(browser, shop, "database").all("form", id="restore-site-cluster")
    assert "value" not in restore_form(browser, shop, timezone.now()).one(id="id_parameter_Source").attributes


def test_the_form_has_the_values_of_the_environment_and_the_second(
    browser: Client, shop: Environment
) -> None:
    at = timezone.now() - timedelta(hours=1)

    shown = restore_form(browser, shop, at)

    assert shown.one(id="id_parameter_Count")["value"] == "7"
    assert shown.one(id="id_parameter_Source")["value"] == "site-cluster"
    assert shown.one(id="id_parameter_Time")["value"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    note = shown.one(id="restored-from").text
    assert f"restored from the cluster site-cluster to {at:%Y-%m-%d %H:%M:%S}" in note


def test_the_field_is_in_the_zone_beside_it(browser: Client, shop: Environment) -> None:
    at = timezone.now() - timedelta(hours=1)

    shown = restore_form(browser, shop, at + timedelta(hours=9), zone="Asia/Tokyo")

    assert shown.one(id="id_parameter_Time")["value"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"


def test_a_time_that_cannot_be_restored_is_refused_with_those_that_can(
    browser: Client, shop: Environment
) -> None:
    for at in (timezone.now() + timedelta(hours=1), timezone.now() - timedelta(days=8)):
        note = restore_form(browser, shop, at).one(id="cannot-restore").text
        assert "RDS cannot restore site-cluster to" in note
        assert "Choose a time from" in note
    assert "Enter the date and the time" in restore_form(browser, shop, "soon").one(id="cannot-restore").text
    unknown = restore_form(browser, shop, timezone.now(), cluster="other").one(id="cannot-restore").text
    assert "no database cluster other" in unknown


def test_a_set_without_the_parameters_says_that_the_database_would_be_empty(
    browser: Client, shop: Environment, template_set: Path
) -> None:
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")
    stored_sets.keep(template_files.load(template_set))
    Deployment.objects.filter(environment=shop).update(template_digest="gone")

    shown = restore_form(browser, shop, timezone.now() - timedelta(hours=1))

    assert "cannot restore a database to a point in time" in shown.one(id="cannot-restore").text


def test_a_set_that_forgets_the_time_of_a_restored_database_is_refused(
    browser: Client, shop: Environment, template_set: Path
) -> None:
    restored = VALUES | {"Source": "site-cluster", "Time": "2026-12-02T14:03:20Z"}
    Deployment.objects.filter(environment=shop).update(parameters=restored)
    Environment.objects.filter(pk=shop.pk).update(parameters=restored)
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")
    url = reverse("environment_change", args=[shop.pk])
    shown = page(browser.get(url))
    assert "disabled" in shown.one(id="id_parameter_Time").attributes

    given = {"parameter_Source": "site-cluster", "parameter_Time": "2026-12-02T14:03:20Z"}
    answer = browser.post(url, change(shop) | given | {"set": "current"})

    assert answer.status_code == 422
    problems = page(answer).one(role="alert").text
    assert "restored from site-cluster to 2026-12-02 14:03:20 UTC" in problems
    assert not Deployment.objects.filter(kind="update").exists()


@pytest.mark.parametrize("missing", ["cluster", "time"])
def test_a_manifest_needs_both_parameters(template_set: Path, missing: str) -> None:
    text = MANIFEST.replace("cluster: Source, ", "") if missing == "cluster" else MANIFEST
    text = text.replace(", time: Time", "") if missing == "time" else text
    (template_set / "template-set.yaml").write_text(text)

    with pytest.raises(Exception, match=f"point_in_time_parameters.{missing}"):
        template_files.load(template_set)
