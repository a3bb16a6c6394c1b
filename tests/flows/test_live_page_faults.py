"""The page through faults between it and the server: it ends complete, in order, with each event once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from deployments import events
from deployments.models import Deployment, Stack
from tests.flows.test_live_page import has_everything, url
from tests.flows.web import Web
from tests.live import scenes
from tests.services import Redis, wait_until

pytestmark = pytest.mark.timeout(300)
COUNTED = "[...document.querySelectorAll('#events > tr')].map((row) => Number(row.dataset.seq))"


@pytest.fixture(autouse=True)
def _hints_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no outage of another test's Redis keep this one from announcing."""
    monkeypatch.setattr(events, "_paused_until", 0.0)
    monkeypatch.setattr(events, "PAUSE", 0.0)


@pytest.fixture
def deployment(operator: User) -> Deployment:
    return scenes.make_deployment(user=operator, name="staging")


@pytest.fixture
def network(deployment: Deployment) -> Stack:
    return scenes.add_stacks(deployment, {"Network": 9})["Network"]


def happen(deployment: Deployment, network: Stack, *numbers: int) -> None:
    for number in numbers:
        for status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"):
            scenes.add_events(deployment, scenes.event(network, f"Network{number}", status))


def is_whole(page: Page, deployment: Deployment) -> bool:
    """Tell whether every event is there once, and the lines are in their order."""
    lines = page.evaluate(COUNTED)
    return has_everything(page, deployment) and lines == sorted(set(lines))


def test_a_connection_that_breaks_at_once_is_made_up_for_by_asking_until_it_is_back(
    page: Page, web: Web, deployment: Deployment, network: Stack
) -> None:
    broken = []

    def break_off(route: Route) -> None:
        broken.append(route.request.url)
        route.abort("connectionreset")

    page.route("**/stream?*", break_off)
    page.goto(url(web, deployment))
    happen(deployment, network, 1, 2)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost [data-text]")).to_contain_text("Retrying in")
    wait_until(lambda: is_whole(page, deployment))
    assert len(broken) > 1

    page.unroute("**/stream?*")
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator("#lost")).to_be_hidden()
    happen(deployment, network, 3, 4)
    wait_until(lambda: is_whole(page, deployment))


def test_a_tab_that_was_asleep_wakes_up_complete(
    page: Page, web: Web, deployment: Deployment, network: Stack
) -> None:
    page.goto(url(web, deployment))
    wait_until(lambda: is_whole(page, deployment))
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    happen(deployment, network, 1, 2, 3)
    web.restart()  # what was open is gone when it wakes up
    happen(deployment, network, 4, 5)

    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    page.bring_to_front()

    wait_until(lambda: is_whole(page, deployment))
    happen(deployment, network, 6)
    wait_until(lambda: is_whole(page, deployment))


def test_a_redis_that_comes_back_empty_costs_no_event(
    page: Page, web: Web, deployment: Deployment, network: Stack, redis_server: Redis
) -> None:
    page.goto(url(web, deployment))
    happen(deployment, network, 1, 2)
    redis_server.kill()
    happen(deployment, network, 3, 4)
    redis_server.start()
    redis_server.flush()
    happen(deployment, network, 5, 6)

    wait_until(lambda: is_whole(page, deployment))
    expect(page.locator("#lost")).to_be_hidden()  # the stream itself never broke
