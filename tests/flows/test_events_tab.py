"""The Events tab in a real browser: scrolling through a long log, filters, permalinks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.deployments import Deployment
from tests.flows.web import Web, logged_in
from tests.live import scenes
from tests.live.many_events import many_events
from tests.services import wait_until

pytestmark = pytest.mark.timeout(300)
LINES = "[...document.querySelectorAll('#events > tr')].map((row) => Number(row.dataset.seq))"
MOST = 1200


@pytest.fixture(autouse=True)
def _the_script_has_no_faults(page: Page) -> Iterator[None]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield
    assert not faults


@pytest.fixture
def deployment(operator: User) -> Deployment:
    return scenes.make_deployment(user=operator, name="staging")


def url(web: Web, deployment: Deployment, query: str = "?tab=events") -> str:
    return f"{web.url}/deployments/{deployment.pk}/{query}"


def lines(page: Page) -> list[int]:
    found: list[int] = page.evaluate(LINES)
    return found


def test_thousands_of_events_can_be_scrolled(page: Page, web: Web, deployment: Deployment) -> None:
    network = scenes.add_stacks(deployment, {"Network": 2})["Network"]
    many_events(deployment, 6_000)
    page.goto(url(web, deployment))
    box = page.locator("#log")
    wait_until(lambda: lines(page)[-1:] == [deployment.last_seq])

    seen = set(lines(page))
    while len(seen) < 3_000:  # scrolls up by more than one window
        before = len(seen)
        box.evaluate("(log) => { log.scrollTop = 0; }")
        wait_until(lambda: set(lines(page)) - seen != set())  # noqa: B023  # called within the iteration
        shown = lines(page)
        assert shown == list(range(shown[0], shown[-1] + 1))
        assert len(shown) <= MOST
        seen |= set(shown)
        assert len(seen) > before
    assert seen == set(range(min(seen), deployment.last_seq + 1))

    scenes.add_events(deployment, scenes.event(network, "Network1", "CREATE_FAILED", reason="No room"))
    expect(page.get_by_role("link", name="Newest events (1 more)")).to_be_visible()
    page.get_by_role("link", name="Newest events").click()
    expect(page.locator("#events > tr").last).to_contain_text("No room")
    failed = page.locator(f"#e-{deployment.last_seq}")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    for number in range(30):
        scenes.add_events(deployment, scenes.event(network, "Network2", f"UPDATE_{number}_COMPLETE"))
    wait_until(lambda: lines(page)[-1] == deployment.last_seq)
    assert box.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight") < 12

    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("event="))
    expect(failed).to_be_in_viewport()


def test_filters_are_changed_in_place_and_are_part_of_the_link(
    page: Page, web: Web, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 3, "Aurora": 2})
    scenes.add_events(
        deployment,
        scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"),
        scenes.event(stacks["Network"], "Network2", "CREATE_FAILED", reason="Quota exceeded"),
        scenes.event(stacks["Aurora"], "Aurora1", "CREATE_FAILED", reason="Quota exceeded"),
    )
    page.goto(url(web, deployment))
    page.evaluate("window.stayed = true")
    shown = page.locator("#events > tr")

    page.locator("#filter-stack > summary").click()
    page.locator("#filter-stack").get_by_role("link", name="Network").click()
    expect(shown).to_have_count(2)
    page.get_by_role("searchbox", name="Search events").fill("quota")
    expect(shown).to_have_count(1)
    expect(page).to_have_url(re.compile(r"stack=Network&q=quota"))
    # New events are filtered as well.
    scenes.add_events(
        deployment, scenes.event(stacks["Aurora"], "Aurora2", "CREATE_FAILED", reason="Quota again")
    )
    scenes.add_events(
        deployment, scenes.event(stacks["Network"], "Network3", "CREATE_FAILED", reason="Quota too")
    )
    expect(shown).to_have_count(2)
    expect(shown.last).to_contain_text("Network3")
    assert page.evaluate("window.stayed")

    attacker_origin = page.context.new_page()
    attacker_origin.goto(page.url)
    expect(attacker_origin.locator("#events > tr")).to_have_count(2)
    attacker_origin.get_by_role("link", name="Remove filter “quota”").click()
    expect(attacker_origin.locator("#events > tr")).to_have_count(3)
    expect(attacker_origin.get_by_role("searchbox", name="Search events")).to_have_value("")
    attacker_origin.go_back()
    expect(attacker_origin.locator("#events > tr")).to_have_count(2)
    attacker_origin.get_by_role("link", name="Show all events").click()
    wait_until(lambda: len(lines(attacker_origin)) == deployment.last_seq)


def test_a_new_repetition_is_added_to_the_line_of_the_first_event(
    page: Page, web: Web, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 1})
    scenes.add_events(deployment, scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS"))
    first = deployment.last_seq
    page.goto(url(web, deployment))

    scenes.add_events(deployment, scenes.event(stacks["Network"], "", "CREATE_IN_PROGRESS"))
    scenes.add_events(
        deployment, scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS", reason="Initiated")
    )

    line = page.locator(f"#e-{first}")
    expect(line).to_contain_text("×3")
    line.locator("summary").click()
    expect(line.locator("li").last).to_contain_text("Initiated")
    assert lines(page)[-1] == first
    page.reload()
    expect(line).to_contain_text("×3")


def test_a_permalink_leads_to_an_event_far_back(page: Page, web: Web, deployment: Deployment) -> None:
    scenes.add_stacks(deployment, {"Network": 2})
    many_events(deployment, 2_000)

    for link in ("#e-500", "?tab=events&event=500#e-500"):
        page.goto("about:blank")
        page.goto(url(web, deployment, link))
        expect(page.locator("#e-500")).to_be_in_viewport()
        expect(page.locator("#e-500")).to_have_class(re.compile("is-chosen"))
    page.locator("#e-503 .permalink").click()
    expect(page).to_have_url(re.compile(r"event=503#e-503$"))
    expect(page.locator("#e-503")).to_have_class(re.compile("is-chosen"))


def test_everything_works_without_javascript(
    chromium: Browser, web: Web, operator: User, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 3})
    scenes.add_events(
        deployment,
        scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"),
        scenes.event(stacks["Network"], "Network2", "CREATE_FAILED", reason="Quota exceeded"),
    )
    with logged_in(chromium, operator, web.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url(web, deployment))
        shown = page.locator("#events > tr")
        page.get_by_role("link", name="Problems").click()
        expect(shown).to_have_count(1)
        page.get_by_role("searchbox", name="Search events").fill("nothing like it")
        page.keyboard.press("Enter")
        expect(page.get_by_text("No matching events.")).to_be_visible()
        page.get_by_role("link", name="Show all events").click()
        expect(shown).to_have_count(deployment.last_seq)
        page.get_by_role("link", name="First failure").click()
        expect(page.locator(f"#e-{deployment.last_seq}")).to_be_in_viewport()
        with page.expect_download() as download:
            page.locator("#export > summary").click()
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == f"staging-deployment-{deployment.pk}-events.csv"


def test_lines_that_cannot_be_loaded_are_reported(page: Page, web: Web, deployment: Deployment) -> None:
    scenes.add_stacks(deployment, {"Network": 2})
    page.route("**/events?*", lambda route: route.abort())
    page.goto(url(web, deployment))
    page.get_by_role("link", name="Problems").click()
    expect(page.get_by_text("The events could not be loaded.")).to_be_visible()

    page.unroute("**/events?*")
    page.locator("#events-failed").get_by_role("button", name="Retry now").click()
    expect(page.get_by_text("The events could not be loaded.")).to_be_hidden()
    expect(page.get_by_text("No matching events.")).to_be_visible()


def test_one_line_is_a_tab_stop_and_arrow_keys_lead_to_the_others(
    page: Page, web: Web, deployment: Deployment
) -> None:
    scenes.add_stacks(deployment, {"Network": 2})
    page.goto(url(web, deployment))
    page.locator("#log").focus()
    page.keyboard.press("Tab")
    last = page.locator("#events > tr").last.locator(".permalink")
    expect(last).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator(f"#e-{deployment.last_seq - 2} .permalink")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"event={deployment.last_seq - 2}#e-"))
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#log")).to_be_focused()
