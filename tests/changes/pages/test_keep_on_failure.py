"""The choice to keep resources after a failure, and the pages that follow such a failure."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from tests.builders import allow, make_deployment, make_environment, make_resource, make_stack
from tests.pages.pages import Element, page
from tests.previews import make_preview

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _may_change(operator: User) -> None:
    allow(operator, "change_environment")


def stopped(status: str = "UPDATE_FAILED", *, was_complete: bool = True) -> Environment:
    """Return an environment whose latest deployment failed with its resources kept."""
    shop = make_environment("shop", stack_id="arn:shop", stack_status=status, stack_name="shop")
    kind = "create"
    if was_complete:
        make_deployment(shop, state="succeeded", last_phase="ready", stack_id="arn:shop")
        kind = "update"
    failed = make_deployment(
        shop,
        kind=kind,
        state="failed",
        last_phase="stacks",
        stack_id="arn:shop",
        error_code="ResourceFailed",
        keep_on_failure=True,
        ended_at=timezone.now(),
    )
    root = make_stack(failed, status=status)
    make_resource(root, "Topic", type="AWS::SNS::Topic", status="CREATE_COMPLETE", physical_id="topic")
    return Environment.objects.for_page().get(pk=shop.pk)


def opened(browser: Client, address: str) -> Element:
    response = browser.get(address, follow=True)
    assert response.status_code == 200
    return page(response)


def chosen(shown: Element) -> list[str]:
    return [one["value"] for one in shown.all("input", name="on_failure") if "checked" in one.attributes]


def test_a_preview_offers_to_keep_a_failure_and_rolls_back_by_default(browser: Client) -> None:
    shop = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    make_deployment(shop, state="succeeded")

    shown = opened(browser, f"/deployments/{make_preview(shop, 'scale').pk}/")

    assert len(shown.all("input", name="on_failure")) == 2
    assert chosen(shown) == ["roll_back"]


def test_a_preview_that_replaces_something_says_why_a_failure_is_not_kept(browser: Client) -> None:
    shop = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    make_deployment(shop, state="succeeded")

    shown = opened(browser, f"/deployments/{make_preview(shop, 'database').pk}/")

    assert [one["value"] for one in shown.all("input", name="on_failure")] == ["roll_back"]
    assert "replaces nothing while rollback is disabled" in shown.one(id="not-kept").text


def test_a_retry_is_kept_again_and_not_applied_if_it_replaces_something(browser: Client) -> None:
    shop = stopped()
    values = {"is_retry": True, "keep_on_failure": True, "base": shop.latest}

    shown = opened(browser, f"/deployments/{make_preview(shop, 'scale', **values).pk}/")
    assert "everything is kept" in shown.one(id="kept-again").text
    assert "Retry of deployment" in shown.text
    assert not shown.all(id="why-not")

    shown = opened(browser, f"/deployments/{make_preview(shop, 'database', **values).pk}/")
    assert "Roll back first" in shown.one(id="why-not").text


def test_kept_resources_lead_to_the_three_recovery_options(browser: Client) -> None:
    shop = stopped()
    assert shop.latest is not None

    shown = opened(browser, shop.latest.get_absolute_url()).one(id="cause")

    assert "Nothing was rolled back: 1 of 1 changes are made" in shown.one(id="kept").text
    links = {one.text: one["href"] for one in shown.all("a")}
    assert links["Retry from here…"].startswith(f"/environments/{shop.pk}/change")
    assert links["Roll back…"] == f"/environments/{shop.pk}/roll-back"
    assert links["Delete environment…"] == f"/environments/{shop.pk}/delete"


def test_the_form_of_a_retry_has_the_values_that_failed(browser: Client) -> None:
    shop = stopped()

    shown = opened(browser, f"/environments/{shop.pk}/change")

    assert f"retries deployment {shop.latest_id}" in shown.one(id="retry").text


@pytest.mark.parametrize(
    ("was_complete", "kind", "text"),
    [
        (True, Kind.ROLLBACK_UPDATE, "returns the stacks to their last complete state"),
        (False, Kind.ROLLBACK_CREATION, "deletes everything that was created"),
    ],
)
def test_a_rollback_says_before_what_it_does(
    browser: Client, was_complete: bool, kind: Kind, text: str
) -> None:
    shop = stopped("UPDATE_FAILED" if was_complete else "CREATE_FAILED", was_complete=was_complete)
    address = f"/environments/{shop.pk}/roll-back"

    assert text in opened(browser, address).one(id="consequence").text

    response = browser.post(address, {"reason": "no time", "request_key": str(uuid.uuid4())})
    begun = Deployment.objects.latest("pk")
    assert response.status_code == 302
    assert (begun.kind, begun.base_id, begun.reason) == (kind, shop.latest_id, "no time")
    assert "is changing" in opened(browser, address).text or "rolled back" in opened(browser, address).text


def test_where_nothing_failed_there_is_nothing_to_roll_back(browser: Client) -> None:
    shop = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    make_deployment(shop, state="succeeded")
    address = f"/environments/{shop.pk}/roll-back"

    assert "There is nothing to roll back" in opened(browser, address).text
    assert browser.post(address, {"request_key": str(uuid.uuid4())}).status_code == 422
