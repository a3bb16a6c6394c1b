"""The form of a change with the values of one that failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import make_deployment, make_environment
from tests.pages.pages import Element, page

VALUES = {"Size": "small", "Count": "2", "Database": "datelog", "Zones": "a,b"}


@pytest.fixture
def shop(template_set: Path, operator: User) -> Environment:
    """An environment whose change to other values failed."""
    (template_set / "template-set.yaml").write_text(
        "root: root.yaml\nchoose_once: [Database]\nmain_parameters: [Size]\n"
    )
    current = template_files.load(template_set)
    stored_sets.keep(current)
    shop = make_environment(
        "shop", owner=operator, stack_id="arn:shop", stack_status="UPDATE_COMPLETE", parameters=VALUES
    )
    values = {"template_digest": current.digest, "parameters": VALUES}
    make_deployment(shop, state="succeeded", last_phase="ready", **values)
    values["parameters"] = VALUES | {"Count": "7", "Size": "large", "Database": "other"}
    make_deployment(
        shop, kind="update", state="rolled_back", last_phase="stacks", reason="more load", **values
    )
    return shop


def form(browser: Client, shop: Environment, query: str = "") -> Element:
    return page(browser.get(f"/environments/{shop.pk}/change?from={shop.latest_id}{query}"))


def field(shown: Element, name: str) -> Element:
    return shown.one(id=f"id_parameter_{name}")


def test_it_has_the_values_that_failed_and_says_so(browser: Client, shop: Environment) -> None:
    shown = form(browser, shop)

    assert field(shown, "Count")["value"] == "7"
    assert field(shown, "Database")["value"] == "datelog"  # chosen once
    assert shown.one(id="id_reason")["value"] == "more load"
    assert f"the values of deployment {shop.latest_id}, which failed" in shown.one(id="retry").text


def test_secrets_are_not_filled_in_and_the_form_says_so(browser: Client, shop: Environment) -> None:
    shown = form(browser, shop)

    assert "value" not in field(shown, "Password").attributes
    note = shown.one(id="secrets-not-filled")
    assert "an empty field keeps the value in AWS" in note.text
    assert [one["href"] for one in note.all("a")] == ["#id_parameter_Password", "#id_parameter_Token"]


def test_the_cursor_is_in_the_field_that_the_cause_names(browser: Client, shop: Environment) -> None:
    shown = form(browser, shop, "&field=Count")

    assert "autofocus" in field(shown, "Count").attributes
    assert shown.one(id="retry").all("a")[1]["href"] == "#id_parameter_Count"
    assert "open" in shown.one(id="advanced").attributes


@pytest.mark.parametrize("name", ["Database", "Unknown", "", "Count%22"])
def test_the_cursor_is_in_no_field_that_is_locked_or_unknown(
    browser: Client, shop: Environment, name: str
) -> None:
    shown = form(browser, shop, f"&field={name}")

    assert not [one for one in shown.all("input") if "autofocus" in one.attributes]


def test_it_keeps_the_version_that_the_failed_change_had(
    browser: Client, shop: Environment, template_set: Path
) -> None:
    root = template_set / "root.yaml"
    root.write_text(root.read_text() + "  Queue: {Type: AWS::SQS::Queue}\n")
    newer = template_files.load(template_set)
    stored_sets.keep(newer)

    assert form(browser, shop).one("input", name="set")["value"] == "deployed"

    Deployment.objects.filter(kind="update").update(template_digest=newer.digest)
    assert form(browser, shop).one("input", name="set")["value"] == "current"


def test_the_values_of_a_change_that_did_not_fail_are_not_said_to_have(
    browser: Client, shop: Environment
) -> None:
    Deployment.objects.filter(kind="update").update(state="preview", active_key=None)

    shown = form(browser, shop)

    assert field(shown, "Count")["value"] == "7"
    assert not shown.all(id="retry")
