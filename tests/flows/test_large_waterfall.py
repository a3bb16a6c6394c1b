"""A deployment with so many resources that its page does not load all rows initially."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Resource, Stack
from tests.flows.web import Web, logged_in
from tests.live import scenes

STACKS = {"Network": 90, "Aurora": 90, "AppServers": 90}
LAST = "#t-AppServers\\.AppServers90"
NETWORK = "**/stack-rows?stack=Network"


@pytest.fixture
def stacks(operator: User) -> dict[str, Stack]:
    """The stacks of a creation: two are complete, and the last is in progress."""
    found = scenes.add_stacks(scenes.make_deployment(user=operator), STACKS)
    deployment = found[""].deployment
    entries = [scenes.event(found[""], "", "CREATE_IN_PROGRESS")]
    for path in STACKS:
        entries += [
            scenes.event(found[""], path, "CREATE_IN_PROGRESS"),
            scenes.event(found[path], "", "CREATE_IN_PROGRESS"),
        ]
    for path in ("Network", "Aurora"):
        names = Resource.objects.filter(stack=found[path]).values_list("logical_id", flat=True)
        entries += [scenes.event(found[path], name, "CREATE_COMPLETE") for name in names]
        entries += [
            scenes.event(found[path], "", "CREATE_COMPLETE"),
            scenes.event(found[""], path, "CREATE_COMPLETE"),
        ]
    scenes.add_events(deployment, *entries)
    return found


@pytest.fixture
def large(page: Page, web: Web, stacks: dict[str, Stack]) -> Page:
    """The page of the deployment."""
    return opened(page, web, stacks)


def opened(page: Page, web: Web, stacks: dict[str, Stack]) -> Page:
    page.goto(url(web, stacks))
    expect(page.locator(".pick[tabindex='0']")).to_have_count(1)
    return page


def url(web: Web, stacks: dict[str, Stack]) -> str:
    return f"{web.url}/deployments/{stacks[''].deployment_id}/"


def test_rows_of_a_closed_stack_come_when_it_is_expanded(large: Page) -> None:
    page = large
    row = page.locator("#t-Network\\.Network7")
    expect(page.locator(LAST)).to_be_visible()
    expect(row).to_have_count(0)

    page.locator("#t-Network .pick").focus()
    page.keyboard.press("ArrowRight")
    expect(row).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#t-Network\\.Network1 .pick")).to_be_focused()
    in_order = page.locator("#tree > tr").evaluate_all("rows => rows.map((row) => row.id)")
    first = in_order.index("t-Network")
    assert in_order[first + 1 : first + 91] == [f"t-Network.Network{n}" for n in range(1, 91)]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(row).to_be_hidden()
    expect(page.locator("#t-Aurora\\.Aurora1")).to_have_count(0)


def test_a_search_finds_rows_that_were_not_sent(large: Page) -> None:
    page = large
    page.keyboard.press("/")
    page.keyboard.type("aurora77")

    expect(page.locator("#t-Aurora\\.Aurora77")).to_be_visible()
    expect(page.locator("#tree > tr:visible")).to_have_count(3)  # including the parent stacks
    page.get_by_label("Search rows").fill("nothing like that")
    expect(page.get_by_text("No matching rows.")).to_be_visible()


def test_a_filter_fetches_only_the_stacks_in_which_it_finds_rows(large: Page) -> None:
    page = large
    expect(page.locator(LAST)).to_be_visible()
    page.keyboard.press("p")

    expect(page.get_by_text("No matching rows.")).to_be_visible()
    expect(page.locator("tr[data-later]")).to_have_count(2)


@pytest.mark.parametrize("address", ["#t-Aurora.Aurora50", "?row=Aurora/Aurora50"])
def test_an_address_leads_to_a_row_of_a_closed_stack(
    page: Page, web: Web, stacks: dict[str, Stack], address: str
) -> None:
    page.goto(url(web, stacks) + address)

    expect(page.locator("#t-Aurora\\.Aurora50 .pick")).to_be_focused()
    expect(page.locator("#t-Aurora\\.Aurora50")).to_be_in_viewport()


def test_events_change_rows_that_come_later(large: Page, stacks: dict[str, Stack]) -> None:
    page = large
    deployment = stacks[""].deployment
    row = page.locator("#t-Network\\.Network5")
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network5", "UPDATE_IN_PROGRESS"))

    expect(page.get_by_role("button", name="Running 1")).to_be_visible()
    expect(row).to_have_count(0)
    page.keyboard.press("r")
    expect(row).to_be_visible()
    failure = scenes.event(stacks["Network"], "Network5", "UPDATE_FAILED", reason="Quota exceeded")
    scenes.add_events(deployment, failure)
    expect(row).to_contain_text("Quota exceeded")
    page.get_by_role("button", name="Show all").click()
    page.keyboard.press("n")
    expect(row.locator(".pick")).to_be_focused()


def test_an_event_during_the_request_is_not_lost(page: Page, web: Web, stacks: dict[str, Stack]) -> None:
    held: list[Route] = []
    page.route(NETWORK, lambda route: held.append(route))
    opened(page, web, stacks)
    with page.expect_request(NETWORK):
        page.locator("#t-Network .fold").click()
    expect(page.locator("#t-Network")).to_have_attribute("aria-busy", "true")
    (route,) = held
    answer = route.fetch()  # the rows as they are now

    failure = scenes.event(stacks["Network"], "Network5", "UPDATE_FAILED", reason="Too late")
    scenes.add_events(stacks[""].deployment, failure)
    expect(page.get_by_role("button", name="Problems 1")).to_be_visible()
    route.fulfill(response=answer)

    expect(page.locator("#t-Network\\.Network5")).to_contain_text("Too late")


def test_rows_that_could_not_be_loaded_can_be_loaded_again(
    page: Page, web: Web, stacks: dict[str, Stack]
) -> None:
    page.route(NETWORK, lambda route: route.abort())
    opened(page, web, stacks)
    page.locator("#t-Network .fold").click()
    expect(page.get_by_text("Some rows could not be loaded.")).to_be_visible()

    page.unroute(NETWORK)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#t-Network\\.Network7")).to_be_visible()
    expect(page.get_by_text("Some rows could not be loaded.")).to_be_hidden()


def test_the_first_failure_is_on_the_page_from_the_beginning(
    page: Page, web: Web, stacks: dict[str, Stack]
) -> None:
    deployment: Deployment = stacks[""].deployment
    now = timezone.now()
    scenes.add_events(
        deployment,
        scenes.event(stacks["AppServers"], "AppServers88", "CREATE_FAILED", reason=scenes.WHY, at=now),
        scenes.event(stacks["AppServers"], "", "DELETE_COMPLETE"),
        scenes.event(stacks[""], "", "ROLLBACK_COMPLETE"),
    )
    scenes.finish(scenes.reload(deployment), State.ROLLED_BACK, code="ResourceFailed", message=scenes.WHY)
    page.goto(url(web, stacks))
    expect(page.locator(".pick[tabindex='0']")).to_have_count(1)

    page.keyboard.press("f")
    expect(page.locator("#t-AppServers\\.AppServers88 .pick")).to_be_focused()


def test_without_javascript_a_link_shows_all_rows(
    chromium: Browser, web: Web, operator: User, stacks: dict[str, Stack]
) -> None:
    with logged_in(chromium, operator, web.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url(web, stacks))
        expect(page.locator("#t-Network\\.Network7")).to_have_count(0)
        page.locator("#t-Network").get_by_role("link", name="Show all rows").click()
        expect(page.locator("#t-Network\\.Network7")).to_be_visible()
        expect(page.locator("#t-Aurora\\.Aurora90")).to_be_visible()
