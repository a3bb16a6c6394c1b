"""Faults between the page and the server: afterwards the page has every event once, in order."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from deployments.common.redis_fallback import Fallback
from deployments.environments.models.deployments import Deployment
from deployments.live import new_events
from deployments.stacks.models.stacks import Stack
from tests.flows.test_live_page import has_everything, url
from tests.flows.web import Web
from tests.live import scenes
from tests.services import Redis, wait_until

pytestmark = pytest.mark.timeout(300)
COUNTED = "[...document.querySelectorAll('#events > tr')].map((row) => Number(row.dataset.seq))"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the pause that follows a failed hint in an earlier test."""
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=0.0))


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


def is_complete(page: Page, deployment: Deployment) -> bool:
    """Return whether every event is displayed once, and the lines are in order."""
    lines = page.evaluate(COUNTED)
    return has_everything(page, deployment) and lines == sorted(set(lines))


def test_a_page_polls_while_its_stream_cannot_be_opened(
    page: Page, web: Web, deployment: Deployment, network: Stack
) -> None:
    broken = []

    def abort(route: Route) -> None:
        broken.append(route.request.url)
        route.abort("connectionreset")

    page.route("**/stream?*", abort)
    page.goto(url(web, deployment))
    happen(deployment, network, 1, 2)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost [data-text]")).to_contain_text("Retrying in")
    wait_until(lambda: is_complete(page, deployment))
    assert len(broken) > 1

    page.unroute("**/stream?*")
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator("#lost")).to_be_hidden()
    happen(deployment, network, 3, 4)
    wait_until(lambda: is_complete(page, deployment))


def test_a_frozen_tab_catches_up_when_it_is_active_again(
    page: Page, web: Web, deployment: Deployment, network: Stack
) -> None:
    page.goto(url(web, deployment))
    wait_until(lambda: is_complete(page, deployment))
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    happen(deployment, network, 1, 2, 3)
    web.restart()  # closes the tab's connections while it is frozen
    happen(deployment, network, 4, 5)

    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    page.bring_to_front()

    wait_until(lambda: is_complete(page, deployment))
    happen(deployment, network, 6)
    wait_until(lambda: is_complete(page, deployment))


def test_no_event_is_lost_when_redis_is_restarted_empty(
    page: Page, web: Web, deployment: Deployment, network: Stack, redis_server: Redis
) -> None:
    page.goto(url(web, deployment))
    happen(deployment, network, 1, 2)
    redis_server.kill()
    happen(deployment, network, 3, 4)
    redis_server.start()
    redis_server.flush()
    happen(deployment, network, 5, 6)

    wait_until(lambda: is_complete(page, deployment))
    expect(page.locator("#lost")).to_be_hidden()  # the stream itself was not interrupted
