"""Two deployments of an environment side by side: durations, parameters, the first difference."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments.cloudformation.timeline import in_ms
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment, make_resource, make_stack
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


def _deployed(environment: Environment, seconds: int, end: str, **values: object) -> Deployment:
    start = timezone.now() - timedelta(minutes=30)
    values = {"state": "succeeded", "last_phase": "ready", "active_key": None} | values
    deployment = make_deployment(environment, **values)
    Deployment.objects.filter(pk=deployment.pk).update(
        created_at=start, ended_at=start + timedelta(seconds=90)
    )
    at = in_ms(start)
    root = make_stack(deployment, changes=[[at, "CREATE_IN_PROGRESS"], [at + 90_000, "CREATE_COMPLETE"]])
    nested = make_stack(deployment, "Data", root)
    changes = [[at + 5_000, "CREATE_IN_PROGRESS"], [at + 5_000 + 1000 * seconds, end]]
    make_resource(nested, "Cluster", type="AWS::RDS::DBCluster", changes=changes)
    make_resource(
        root,
        "Topic",
        type="AWS::SNS::Topic",
        changes=[[at, "CREATE_IN_PROGRESS"], [at + 500, "CREATE_COMPLETE"]],
    )
    return deployment


def _read(browser: Client, environment: Environment, query: str = "") -> Element:
    response = browser.get(f"/environments/{environment.pk}/compare{query}")
    assert response.status_code == 200
    return page(response)


def test_the_latest_deployment_is_compared_with_the_one_before_it(browser: Client) -> None:
    environment = make_environment("shop")
    _deployed(environment, 40, "CREATE_COMPLETE", parameters={"Count": "2", "Zone": "a"})
    _deployed(environment, 70, "CREATE_COMPLETE", parameters={"Count": "3", "Zone": "a"})

    shown = _read(browser, environment)

    assert shown.one(id="answer").text == "Both took about the same time."
    assert "First difference Data/Cluster" in shown.text
    row = shown.one(id="c-Data/Cluster").text
    assert "slower" in row
    assert "0:40" in row
    assert "1:10" in row
    assert "Count 2 3" in shown.text
    section = shown.one("section", **{"aria-labelledby": "answer"}).text
    assert "Zone" not in section
    assert "1 other parameter has the same value." in section


def _compared(shown: Element) -> list[str]:
    """Return the kinds and numbers of the two deployments that the page compares."""
    return [link.text for link in shown.one("section", **{"aria-labelledby": "answer"}).one("thead").all("a")]


@pytest.mark.parametrize(
    ("kinds", "pair"),
    [
        (["create", "update", "update", "delete"], [1, 2]),
        (["create", "update", "create", "delete"], [0, 2]),
        (["create", "delete", "update", "delete"], [1, 3]),
        (["create", "update", "delete"], [1, 2]),
    ],
)
def test_the_two_latest_of_one_kind_are_compared_at_first(
    browser: Client, kinds: list[str], pair: list[int]
) -> None:
    environment = make_environment("shop")
    deployments = [_deployed(environment, 40, "CREATE_COMPLETE", kind=kind) for kind in kinds]

    expected = [f"{deployments[n].get_kind_display()} {deployments[n].pk}" for n in pair]
    assert _compared(_read(browser, environment)) == expected


@pytest.mark.parametrize(
    "later",
    [
        {"kind": "update", "state": "preview", "last_phase": "preview"},
        {"kind": "update", "state": "canceled", "last_phase": "preview"},
        {"kind": "update", "state": "succeeded", "last_phase": "change_set"},
    ],
    ids=["open previews", "discarded previews", "nothing changed"],
)
def test_a_deployment_that_changed_nothing_is_not_in_the_default_pair(
    browser: Client, later: dict[str, str]
) -> None:
    environment = make_environment("shop")
    first, second = (_deployed(environment, 40, "CREATE_COMPLETE", kind="update") for _ in range(2))
    _deployed(environment, 40, "DELETE_COMPLETE", kind="delete")
    preview = [_deployed(environment, 40, "", **later) for _ in range(2)][-1]

    assert _compared(_read(browser, environment)) == [f"Update {one.pk}" for one in (first, second)]
    chosen = _compared(_read(browser, environment, f"?second={preview.pk}"))
    assert chosen == [f"Update {second.pk}", f"Update {preview.pk}"]


def test_one_deployment_that_is_chosen_is_compared_with_one_of_its_kind(browser: Client) -> None:
    environment = make_environment("shop")
    create, update, _latest = (
        _deployed(environment, 40, "CREATE_COMPLETE", kind=kind) for kind in ("create", "update", "update")
    )

    assert str(update.pk) in _compared(_read(browser, environment, f"?second={update.pk}"))[1]
    assert str(create.pk) in _compared(_read(browser, environment, f"?first={create.pk}"))[0]


def test_the_first_different_result_is_the_first_difference(browser: Client) -> None:
    environment = make_environment("shop")
    first = _deployed(environment, 40, "CREATE_COMPLETE")
    second = _deployed(environment, 20, "CREATE_FAILED")

    Deployment.objects.filter(pk=second.pk).update(state="failed", error_code="StackFailed")
    shown = _read(browser, environment, f"?first={first.pk}&second={second.pk}&show=changed")
    assert shown.one(id="answer").text.startswith("Failed in the second. ")
    swapped = _read(browser, environment, f"?first={second.pk}&second={first.pk}")
    assert swapped.one(id="answer").text.startswith("Failed in the first only. ")

    assert "different result" in shown.one(id="c-Data/Cluster").text
    assert not shown.all(id="c-Topic")


@pytest.mark.parametrize("query", ["", "?first=x&second=y", "?first=99999999&second=0"])
def test_a_single_deployment_cannot_be_compared(browser: Client, query: str) -> None:
    environment = make_environment("alone")
    _deployed(environment, 40, "CREATE_COMPLETE")

    assert "Nothing to compare yet" in _read(browser, environment, query).text


def test_a_missing_environment_is_not_found(browser: Client) -> None:
    assert browser.get("/environments/4711/compare").status_code == 404
