"""The waterfall in a real browser: rows and details by keyboard, filters, zoom, moving bars."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, CDPSession, Page, Playwright, expect

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Resource
from tests.browsers import close, open_chromium
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in
from tests.live import scenes
from tests.services import wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def deployment(operator: User) -> Deployment:
    return scenes.running("staging", operator)


@pytest.fixture
def waterfall(page: Page, web: Web, deployment: Deployment) -> Page:
    """The page of a deployment in progress."""
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    expect(page.locator(".pick[tabindex='0']")).to_have_count(1)
    return page


def test_arrow_keys_move_between_rows_and_collapse_stacks(waterfall: Page) -> None:
    page = waterfall
    page.locator("#t- .pick").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#t-Network .pick")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#t-Network\\.Network1")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#t-Network\\.Network1 .pick")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#t-Network .pick")).to_be_focused()
    expect(page.locator("#t-Network\\.Network1")).to_be_hidden()
    page.keyboard.press("End")
    expect(page.locator("#tree tr:visible").last.locator(".pick")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator("#t- .pick")).to_be_focused()


def test_enter_opens_the_details_of_a_row_and_escape_returns_to_it(waterfall: Page) -> None:
    page = waterfall
    page.locator("#t-Aurora\\.Aurora1 .pick").focus()
    page.keyboard.press("Enter")

    inspector = page.locator("#inspector")
    expect(inspector.get_by_role("heading", name="Aurora1")).to_be_visible()
    expect(inspector).to_contain_text("id-of-aurora1")
    expect(inspector).to_contain_text("CREATE_COMPLETE")
    expect(page).to_have_url(re.compile(r"row=Aurora(%2F|/)Aurora1"))
    page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()
    expect(page.locator("#t-Aurora\\.Aurora1 .pick")).to_be_focused()


def test_details_are_updated_and_link_to_other_rows(waterfall: Page, deployment: Deployment) -> None:
    page = waterfall
    Resource.objects.filter(logical_id="Aurora4").update(depends_on=[["Aurora/Aurora3", "Ref"]])
    page.locator("#t-Aurora\\.Aurora3 .pick").click()
    inspector = page.locator("#inspector")
    expect(inspector).to_contain_text("In progress")
    stack = deployment.stacks.get(path="Aurora")

    scenes.add_events(deployment, scenes.event(stack, "Aurora3", "CREATE_COMPLETE"))

    expect(inspector).to_contain_text("CREATE_COMPLETE")
    page.reload()
    expect(inspector.get_by_role("heading", name="Aurora3")).to_be_visible()
    inspector.get_by_role("link", name="Aurora4").click()
    expect(inspector.get_by_role("heading", name="Aurora4")).to_be_visible()
    expect(page.locator("#t-Aurora\\.Aurora4 .pick")).to_be_focused()


def test_without_javascript_an_address_opens_the_details_of_a_row(
    chromium: Browser, web: Web, operator: User, deployment: Deployment
) -> None:
    with logged_in(chromium, operator, web.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{web.url}/deployments/{deployment.pk}/")
        page.locator("#t-Network\\.Network1 .pick").click()
        expect(page.locator("#inspector")).to_contain_text("id-of-network1")
        expect(page.locator(".wf-bar")).to_be_hidden()


def test_rows_are_filtered_by_problem_progress_tier_and_text(waterfall: Page, deployment: Deployment) -> None:
    page = waterfall
    shown = page.locator("#tree tr:visible")
    stack = deployment.stacks.get(path="Network")
    scenes.add_events(deployment, scenes.event(stack, "Network3", "UPDATE_FAILED", reason="Quota exceeded"))

    page.keyboard.press("p")
    expect(page.locator("#t-Network\\.Network3")).to_be_visible()
    expect(shown).to_have_count(3)  # including the parent stacks
    expect(page.get_by_role("button", name="Problems 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Show all").click()
    page.keyboard.press("r")
    expect(page.locator("#t-Network")).to_be_hidden()
    expect(page.locator("#t-Aurora\\.Aurora3")).to_be_visible()
    page.keyboard.press("r")
    page.get_by_label("Tier").select_option("AppServers")
    expect(shown).to_have_count(4)
    page.get_by_label("Tier").select_option("")
    page.keyboard.press("/")
    page.keyboard.type("inner2")
    expect(shown).to_have_count(4)
    page.get_by_label("Search rows").fill("nothing like that")
    expect(page.get_by_text("No matching rows.")).to_be_visible()


def test_bars_and_ticks_follow_the_zoom(waterfall: Page) -> None:
    page = waterfall
    bar = page.locator("#t-Network rect.bar").first
    ticks = page.locator(".ticks text")
    before, labels = bar.get_attribute("width"), ticks.all_text_contents()

    page.keyboard.press("+")
    assert bar.get_attribute("width") != before
    assert ticks.all_text_contents() != labels
    lines = page.locator(".grid line:not(.now, .turn)")
    assert [line.get_attribute("x1") for line in lines.all()] == [
        tick.get_attribute("x") for tick in ticks.all()
    ]
    page.keyboard.press("0")
    assert ticks.all_text_contents() == labels


def test_the_script_and_the_server_compute_the_same_ticks(
    page: Page, web: Web, deployment: Deployment
) -> None:
    answer = page.goto(f"{web.url}/deployments/{deployment.pk}/")
    assert answer is not None
    expect(page.locator(".pick[tabindex='0']")).to_have_count(1)

    ticks = [(tick.get_attribute("x"), tick.text_content()) for tick in page.locator(".ticks text").all()]
    assert ticks == re.findall(r'<text x="([\d.]+%)" y="19">([\d:]+)</text>', answer.text())


def test_bars_in_progress_grow_without_requests(waterfall: Page) -> None:
    page = waterfall
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    bar = page.locator("#t-Aurora\\.Aurora3 rect.bar")
    before = bar.get_attribute("width")

    wait_until(lambda: bar.get_attribute("width") != before)

    assert not [url for url in requested if "/rows/" in url]


@pytest.fixture
def long_one(operator: User) -> Deployment:
    """A deployment with more rows than fit in the window."""
    deployment = scenes.make_deployment(user=operator)
    network = scenes.add_stacks(deployment, {"Network": 300})["Network"]
    scenes.add_events(deployment, scenes.event(network, "", "CREATE_IN_PROGRESS"))
    return deployment


def test_rows_outside_of_the_window_can_be_found_and_reached(
    page: Page, web: Web, long_one: Deployment
) -> None:
    page.goto(f"{web.url}/deployments/{long_one.pk}/")
    expect(page.locator(".pick[tabindex='0']")).to_have_count(1)
    far = page.locator("#t-Network\\.Network290 .pick")
    assert not far.evaluate("pick => pick.checkVisibility({ contentVisibilityAuto: true })")

    assert page.evaluate("window.find('Network290')")
    expect(far).to_be_in_viewport()
    page.locator("#t- .pick").focus()
    expect(far).not_to_be_in_viewport()
    page.keyboard.press("End")
    last = page.locator("#tree tr:visible").last.locator(".pick")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()


def test_rows_outside_of_the_window_exist_for_screen_readers(
    playwright: Playwright, web: Web, operator: User, long_one: Deployment
) -> None:
    listening = open_chromium(playwright, "--force-renderer-accessibility")
    with logged_in(listening, operator, web.url) as context:
        page = context.new_page()
        page.goto(f"{web.url}/deployments/{long_one.pk}/")
        expect(page.locator(".pick[tabindex='0']")).to_have_count(1)
        client = context.new_cdp_session(page)
        rows = 1 + 1 + 300 + 3  # the root stack, a nested stack, its resources, and phases
        # Chromium builds its tree step by step after the page has loaded.
        wait_until(lambda: len(reported(client, "rowheader")) == rows, what="a row header for every row")
        assert len(reported(client, "table")) == 1
        assert len(reported(client, "cell")) == 3 * rows
        assert "Network290" in reported(client, "link")
    close(listening)


def reported(client: CDPSession, role: str) -> list[str]:
    """Return the names of the elements with this role that Chromium reports to screen readers."""
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    return [
        node.get("name", {}).get("value", "")
        for node in nodes
        if not node["ignored"] and node["role"]["value"] == role
    ]


def test_the_text_beside_a_name_follows_the_forecast(waterfall: Page, deployment: Deployment) -> None:
    page = waterfall
    flags = page.locator("#tree .flag")
    before = flags.count()
    assert before
    page.evaluate("""() => {
      for (const place of document.querySelectorAll(".notes")) place.replaceChildren();
      document.querySelector("#t-Network .notes").innerHTML = "<span class=waits>for nothing</span>";
    }""")

    expect(page.locator("#t-Network .waits")).to_have_count(0)
    expect(flags).to_have_count(before)


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_the_page_is_accessible(
    chromium: Browser, web: Web, operator: User, deployment: Deployment, language: str
) -> None:
    stacks = {stack.path: stack for stack in deployment.stacks.all()}
    scenes.add_events(
        deployment,
        scenes.event(stacks["Aurora"], "Aurora3", "CREATE_FAILED", reason=scenes.WHY),
        scenes.event(stacks["Aurora"], "Aurora4", "CREATE_FAILED", reason="Resource creation cancelled"),
    )
    found: list[str] = []
    with logged_in(chromium, operator, web.url, locale=language) as context:
        page = context.new_page()
        for query in ("", "?row=Aurora/Aurora3", "?tab=inputs"):
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(f"{web.url}/deployments/{deployment.pk}/{query}")
            expect(page.locator(".pick[tabindex='0']")).to_have_count(1)
            found += faults(page)
        page.set_viewport_size({"width": 320, "height": 256})
        page.goto(f"{web.url}/deployments/{deployment.pk}/")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not found
