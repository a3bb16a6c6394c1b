"""Accessibility of the deployment's page: axe, screen readers, narrow windows, Japanese."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.rules.phases import State
from tests.axe import violations
from tests.flows.web import Web, logged_in
from tests.live import scenes

pytestmark = pytest.mark.timeout(300)
LOOKS = [
    pytest.param("light", (1440, 900), "en", id="light-wide-en"),
    pytest.param("dark", (1440, 900), "ja", id="dark-wide-ja"),
    pytest.param("light", (390, 844), "ja", id="light-narrow-ja"),
    pytest.param("dark", (390, 844), "en", id="dark-narrow-en"),
    pytest.param("light", (320, 640), "en", id="light-400-percent-en"),
]


@pytest.mark.parametrize(("scheme", "size", "language"), LOOKS)
def test_every_state_passes_axe_and_fits_its_window(
    chromium: Browser, web: Web, operator: User, scheme: str, size: tuple[int, int], language: str
) -> None:
    pages = [scene(user=operator) for scene in scenes.STATES]
    width, height = size
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": height}, "locale": language}
    found = []
    with logged_in(chromium, operator, web.url, **look) as context:
        page = context.new_page()
        events = pages[scenes.STATES.index(scenes.rolled_back)]
        found += faults_of_events(page, f"{web.url}/deployments/{events.pk}/?tab=events")
        for deployment in pages:
            page.goto(f"{web.url}/deployments/{deployment.pk}/")
            expect(page.locator("html")).to_have_attribute("lang", language)
            if page.get_by_role("button", name="Expand all").is_visible():
                page.get_by_role("button", name="Expand all").click()
            found += [
                f"{deployment}: {fault['id']} {[node['html'] for node in fault['nodes']][:3]}"
                for fault in violations(page)
            ]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{deployment}: scrolls sideways")
    assert not found


def faults_of_events(page: Page, url: str) -> list[str]:
    """Return the faults of the Events tab with filters, an open menu, and visible repetitions."""
    page.goto(f"{url}&stack=Aurora&problems=1")
    page.locator("#filter-status > summary").click()
    faults = [f"{fault['id']} with filters" for fault in violations(page)]
    page.goto(url)
    page.locator("#events .repeats > summary").first.click()
    faults += [f"{fault['id']} in the lines" for fault in violations(page)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("the events scroll sideways")
    return faults


def test_screen_readers_get_at_most_six_messages_a_minute_and_always_the_end(
    chromium: Browser, web: Web, operator: User
) -> None:
    deployment = scenes.make_deployment(user=operator)
    stacks = scenes.add_stacks(deployment, {"Network": 18, "Aurora": 18})
    with logged_in(chromium, operator, web.url) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{web.url}/deployments/{deployment.pk}/")
        record_announcements(page)
        for number in range(20):
            scenes.add_events(
                deployment,
                *(scenes.event(stacks["Network"], f"Network{i}", "CREATE_IN_PROGRESS") for i in range(1, 18)),
                scenes.event(
                    stacks["Aurora"], f"Aurora{number % 18 + 1}", "CREATE_FAILED", reason="No quota"
                ),
            )
        scenes.finish(scenes.reload(deployment), State.FAILED, code="ResourceFailed", message="No quota.")
        expect(page).to_have_title(re.compile("✕"))
        expect(page.locator("#banner")).to_contain_text("Aurora1 could not be created: No quota.")

        expect(page.locator("#deployment")).to_have_attribute("data-streaming", "no")  # the stream has ended
        page.clock.run_for(60_000)

        text = page.evaluate("window.said")
        assert 1 <= len(text) <= 6
        assert "Deployment failed." in " ".join(text)


def record_announcements(page: Page) -> None:
    """Record the texts of the page's live region."""
    page.evaluate(
        """() => {
          window.said = [];
          const region = document.getElementById('announcements');
          new MutationObserver(() => window.said.push(region.textContent)).observe(region, {childList: true});
        }"""
    )


def test_nothing_moves_with_reduced_motion(chromium: Browser, web: Web, operator: User) -> None:
    deployment = scenes.running(user=operator)
    with logged_in(chromium, operator, web.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(f"{web.url}/deployments/{deployment.pk}/")
        expect(page.locator("#t-Network")).to_be_visible()
        assert page.evaluate("document.getAnimations().length") == 0
