"""The one line about a change that failed on the environment's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment, make_event, make_stack
from tests.pages.environment_pages import show
from tests.pages.pages import Element, page

VALUES = {"Size": "small", "EngineVersion": "8.0"}


@pytest.fixture
def shop(operator: User) -> Environment:
    """An environment that was created."""
    shop = make_environment(
        "shop", owner=operator, stack_id="arn:shop", stack_status="UPDATE_COMPLETE", parameters=VALUES
    )
    make_deployment(shop, state="succeeded", last_phase="ready", parameters=VALUES)
    return shop


def rolled_back(shop: Environment, reason: str = "Cannot find version 9.9 for aurora-mysql") -> Deployment:
    """Add an update whose cluster could not be updated."""
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_ROLLBACK_COMPLETE")
    row = make_deployment(
        shop,
        kind="update",
        state="rolled_back",
        last_phase="stacks",
        error_code="ResourceFailed",
        parameters=VALUES | {"EngineVersion": "9.9"},
    )
    root = make_stack(row, status="UPDATE_ROLLBACK_COMPLETE")
    values: dict[str, Any] = {"status": "UPDATE_FAILED", "reason": reason, "type": "AWS::RDS::DBCluster"}
    make_event(row, 1, stack=root, logical_id="Cluster", **values)
    return row


def rejected(shop: Environment) -> Deployment:
    """Add a change whose change set CloudFormation rejected; the environment stays at its latest."""
    latest = shop.latest
    reason = "Parameter 'Size' must be one of AllowedValues"
    row = make_deployment(
        shop,
        kind="update",
        state="failed",
        last_phase="change_set",
        error_code="ChangeSetFailed",
        error_sentence=Message(Code.CHANGE_SET_REJECTED, {"reason": reason}).as_json(),
        parameters=VALUES | {"Size": "huge"},
    )
    Environment.objects.filter(pk=shop.pk).update(latest=latest)
    return row


def line(browser: Client, shop: Environment, tab: str = "") -> Element:
    return show(browser, shop, tab).one(id="last-failure")


def test_a_change_that_was_rolled_back_is_one_line_with_its_cause(browser: Client, shop: Environment) -> None:
    failed = rolled_back(shop)

    shown = show(browser, shop)

    text = shown.one(id="last-failure").text
    assert "Last change failed; CloudFormation rolled it back." in text
    assert f"Update {failed.pk}: Cluster could not be updated:" in text
    assert shown.one(id="failure-details")["href"] == failed.get_absolute_url()
    # Nothing else says it again, and nothing beside it deletes the environment.
    assert not shown.all(id="cause")
    assert "Rolled back" not in shown.one(id="head").text
    assert "Delete" not in text
    note = page(browser.get("/environments/")).one(id=f"environment-{shop.pk}-note")
    assert note.text == "Last change failed; CloudFormation rolled it back"
    assert note["href"] == failed.get_absolute_url()
    for tab in ("servers", "history", "configuration"):
        assert show(browser, shop, tab).all(id="last-failure")


def test_a_retry_opens_the_form_with_the_values_that_failed(browser: Client, shop: Environment) -> None:
    failed = rolled_back(shop)

    retry = line(browser, shop).one(id="retry-change")

    assert retry.text == "Retry with these values"
    assert "primary" in retry["class"]
    assert retry["href"] == f"/environments/{shop.pk}/change?from={failed.pk}&field=EngineVersion"


def test_a_rejected_change_set_changed_nothing(browser: Client, shop: Environment) -> None:
    failed = rejected(shop)

    shown = line(browser, shop)

    assert "Last change failed; nothing changed." in shown.text
    assert "CloudFormation rejected the change set" in shown.text
    assert shown.one(id="retry-change")["href"].endswith(f"?from={failed.pk}&field=Size")


def test_a_preflight_that_failed_says_what_it_missed(browser: Client, shop: Environment) -> None:
    failed = make_deployment(
        shop,
        kind="update",
        state="failed",
        last_phase="preflight",
        error_code="AccessDenied",
        error_message="The role may not call sts:GetCallerIdentity.",
    )

    text = line(browser, shop).text

    assert f"Update {failed.pk}: The role may not call sts:GetCallerIdentity." in text


def test_it_is_dismissed_for_everybody_until_a_newer_failure(
    browser: Client, viewer: Client, shop: Environment
) -> None:
    rolled_back(shop)
    form = line(browser, shop).one("form")

    answer = page(browser.post(form["action"], follow=True))

    assert "Failure dismissed for everybody." in answer.text
    for reader in (browser, viewer):
        shown = show(reader, shop)
        assert not shown.all(id="last-failure")
        assert "Failure dismissed by ana" in shown.one(id="latest").text
        assert not page(reader.get("/environments/")).all(id=f"environment-{shop.pk}-note")
    assert "Failure dismissed by ana" in page(browser.get(f"/deployments/{shop.latest_id}/")).text

    newer = rolled_back(shop)
    assert f"Update {newer.pk}" in line(browser, shop).text


def test_a_success_ends_it(browser: Client, shop: Environment) -> None:
    rolled_back(shop)
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_COMPLETE")
    make_deployment(shop, kind="update", state="succeeded", last_phase="ready")

    assert not show(browser, shop).all(id="last-failure")


def test_who_may_only_look_sees_the_failure_and_no_action(viewer: Client, shop: Environment) -> None:
    failed = rolled_back(shop)

    shown = line(viewer, shop)

    assert [one.text for one in shown.all("a")] == ["Cluster", "Details"]
    assert not shown.all("button")
    assert viewer.post(f"/deployments/{failed.pk}/dismiss").status_code == 403


def test_where_the_rollback_failed_only_the_operations_lead_out(browser: Client, shop: Environment) -> None:
    failed = rolled_back(shop)
    Deployment.objects.filter(pk=failed.pk).update(state="failed")
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_ROLLBACK_FAILED")

    shown = show(browser, shop)

    assert "Last change failed, and so did its rollback." in shown.one(id="last-failure").text
    assert not shown.all(id="retry-change")
    assert "Continue the rollback…" in shown.one(id="operation-continue").text


def test_what_was_kept_is_retried_from_where_it_stopped(browser: Client, shop: Environment) -> None:
    failed = rolled_back(shop)
    Deployment.objects.filter(pk=failed.pk).update(state="failed", keep_on_failure=True)
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_FAILED")

    shown = line(browser, shop)

    assert "Last change failed; the environment is partly updated." in shown.text
    retry = shown.one(id="retry-change")
    assert retry.text == "Retry with these values"
    assert retry["href"].startswith(f"/environments/{shop.pk}/change")
    assert "from=" not in retry["href"]


def test_after_a_release_that_failed_going_back_is_the_main_action(
    browser: Client, shop: Environment
) -> None:
    make_deployment(
        shop,
        kind="update",
        state="failed",
        last_phase="servers",
        error_code="ReleaseFailed",
        base=shop.latest,
        parameters=VALUES,
    )

    shown = line(browser, shop)

    assert "The release stopped at a server that failed" in shown.text
    (back,) = [one for one in shown.all("button") if one.text == "Go back…"]
    assert "primary" in back["class"]
    assert "primary" not in shown.one(id="retry-change")["class"]


def test_while_a_change_runs_the_failure_before_it_is_not_shown(browser: Client, shop: Environment) -> None:
    rolled_back(shop)
    make_deployment(shop, kind="update", state="stacks", last_phase="stacks")

    assert not show(browser, shop).all(id="last-failure")


def test_the_page_of_a_failed_creation_offers_no_deletion_beside_the_retry(
    browser: Client, operator: User
) -> None:
    shop = make_environment("lost", owner=operator, stack_id="arn:lost", stack_status="ROLLBACK_COMPLETE")
    make_deployment(shop, state="rolled_back", last_phase="stacks", ended_at=timezone.now())

    shown = show(browser, shop).one(id="cause")

    assert shown.one(id="main-action").text == "Clean up and retry…"
    assert "Delete" not in " ".join(one.text for one in shown.all("a"))


def test_the_failed_deployments_page_offers_the_same_retry(browser: Client, shop: Environment) -> None:
    failed = rolled_back(shop)

    shown = page(browser.get(failed.get_absolute_url())).one(id="cause")

    assert shown.one(id="main-action").text == "Retry with these values"
    assert shown.one(id="main-action")["href"].endswith(f"?from={failed.pk}&field=EngineVersion")
    assert "Delete environment…" not in [one.text for one in shown.all("a")]


def test_the_page_of_a_failed_preview_offers_the_same_retry(browser: Client, shop: Environment) -> None:
    failed = rejected(shop)

    shown = page(browser.get(f"/deployments/{failed.pk}/preview"))

    assert shown.one(id="retry-change")["href"].endswith(f"?from={failed.pk}&field=Size")
    assert "Edit values" not in shown.text
