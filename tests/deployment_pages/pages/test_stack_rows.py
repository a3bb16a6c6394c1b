"""The first rows of a large page, and the rows of its stacks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.deployment_pages.pages.waterfall.progress import FILLED
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import timeline as timelines
from deployments.stacks.models.stacks import Resource
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.core
STACKS = {"Network": 90, "Aurora": 90, "AppServers": 90}


@pytest.fixture
def large(operator: User) -> Deployment:
    """A successful creation of 273 resources."""
    deployment = scenes.make_deployment(user=operator)
    scenes.complete_everything(deployment, scenes.add_stacks(deployment, STACKS))
    return scenes.reload(deployment)


def rows_of(client: Client, address: str) -> list[str]:
    return [row["id"] for row in page(client.get(address)).one(id="tree").all("tr")]


def test_a_large_page_begins_with_stacks_and_phases(browser: Client, large: Deployment) -> None:
    found = rows_of(browser, large.get_absolute_url())

    assert found[:4] == ["t-", "t-Network", "t-Aurora", "t-AppServers"]
    assert all(row.startswith("t-@") for row in found[4:])


def test_all_rows_and_those_around_one_can_be_requested(browser: Client, large: Deployment) -> None:
    every = rows_of(browser, f"{large.get_absolute_url()}?rows=all")
    around = rows_of(browser, f"{large.get_absolute_url()}?row=Aurora/Aurora9")

    assert len([row for row in every if not row.startswith("t-@")]) == 1 + 3 + 270
    assert "t-Aurora.Aurora9" in around
    assert "t-Network.Network9" not in around


def test_a_small_page_begins_with_all_rows(browser: Client, operator: User) -> None:
    deployment = scenes.succeeded(user=operator)

    assert f"t-Network.Network{Resource.objects.filter(stack__path='Network').count()}" in rows_of(
        browser, deployment.get_absolute_url()
    )


def test_a_page_begins_with_the_first_rows_of_a_large_open_stack(browser: Client, operator: User) -> None:
    """The rest of the stack is fetched, and its row says that some of its rows are there."""
    stacks = scenes.add_stacks(scenes.make_deployment(user=operator), STACKS)
    begun = [scenes.event(stack, "", "CREATE_IN_PROGRESS") for stack in stacks.values()]
    parts = [scenes.event(stacks[""], path, "CREATE_IN_PROGRESS") for path in STACKS]
    scenes.add_events(stacks[""].deployment, *begun, *parts)

    found = page(browser.get(stacks[""].deployment.get_absolute_url())).one(id="tree")
    rows = [row["id"] for row in found.all("tr") if not row["id"].startswith("t-@")]

    assert rows[1] == "t-Network"
    assert rows[2 : 2 + FILLED] == [f"t-Network.Network{n}" for n in range(1, FILLED + 1)]
    assert rows[2 + FILLED :] == ["t-Aurora", "t-AppServers"]
    later = {row["id"]: row["data-later"] for row in found.all("tr") if "data-later" in row.attributes}
    assert later == {"t-Network": "some", "t-Aurora": "", "t-AppServers": ""}


def test_the_rows_of_stacks_take_the_timeline_of_the_page(
    browser: Client, large: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = reverse("deployment_stack_rows", args=[large.pk])
    browser.get(large.get_absolute_url())
    monkeypatch.setattr(timelines, "load", lambda *_, **__: pytest.fail("the timeline is computed again"))

    counts = []
    for stacks in ("stack=Aurora", "stack=Aurora&stack=Network&stack=AppServers"):
        with CaptureQueriesContext(connection) as queries:
            assert "<tr " in browser.get(f"{address}?{stacks}").content.decode()
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize("until", ["", "&until=99999"])
def test_the_rows_of_stacks_are_a_fragment(browser: Client, large: Deployment, until: str) -> None:
    address = reverse("deployment_stack_rows", args=[large.pk])

    text = browser.get(f"{address}?stack=Aurora&stack=Nothing{until}").content.decode()

    assert text.count("<tr ") == 90
    assert 'data-parent="t-Aurora"' in text
    assert "<html" not in text
    assert browser.get(f"{address}?until=x").status_code == 200
    assert browser.get(reverse("deployment_stack_rows", args=[4711])).status_code == 404
