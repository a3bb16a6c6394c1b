"""The replay of a recording in a real browser, with the mouse and the keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web

pytestmark = pytest.mark.timeout(300)

ROWS = """() => Array.from(document.querySelectorAll("#tree tbody tr"), row =>
    [row.id, row.querySelector(".status")?.textContent.trim() ?? ""])"""
ENDS = {"success": "created", "failure": "Rolled back", "update": "updated"}


def opened(page: Page, web: Web, name: str) -> str:
    """Open a recording from the list, and return the URL of its deployment's page."""
    page.goto(url(web, "recordings"))
    page.locator(f"section[aria-labelledby='recording-{name}']").get_by_role("button").click()
    expect(page.get_by_label("Time", exact=True)).to_be_enabled()
    return page.url.partition("?")[0]


def at(page: Page, seconds: float) -> None:
    page.get_by_label("Time", exact=True).fill(str(seconds))


@pytest.mark.parametrize("name", list(ENDS))
def test_a_replay_ends_like_the_page_of_the_deployment(page: Page, web: Web, name: str) -> None:
    own = opened(page, web, name)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert ENDS[name] not in page.locator("main").inner_text()

    page.get_by_label("Speed").select_option("60")

    expect(page.locator("main")).to_contain_text(ENDS[name])
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    played: Any = page.evaluate(ROWS)
    page.goto(own)
    assert played == page.evaluate(ROWS)


def test_the_failure_is_marked_and_can_be_gone_to(page: Page, web: Web) -> None:
    opened(page, web, "failure")
    page.get_by_role("button", name="Go to the failure").click()

    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator("#tree .status", has_text="Failed").first).to_be_visible()
    expect(page.locator(".failures rect").first).to_be_visible()


def test_the_pauses_of_preflight_are_skipped(page: Page, web: Web) -> None:
    page.clock.install()
    opened(page, web, "success")
    page.get_by_label("Speed").select_option("1")

    page.clock.run_for(15_000)  # the recorded preflight took 62 s without any change

    position = page.get_by_label("Time", exact=True)
    assert 62 < float(position.input_value()) < 80


def test_a_replay_can_be_moved_back_and_forth(page: Page, web: Web) -> None:
    opened(page, web, "failure")
    end = float(page.get_by_label("Time", exact=True).get_attribute("max") or 0)
    deployment = page.locator("#deployment")

    at(page, end)
    expect(page.locator("#banner")).to_contain_text("TrialDbCluster")
    last = int(deployment.get_attribute("data-seq") or 0)
    page.get_by_role("button", name="Previous event").click()
    expect(deployment).not_to_have_attribute("data-seq", str(last))

    at(page, 0)
    expect(page.locator("#banner")).not_to_contain_text("TrialDbCluster")
    expect(deployment).to_have_attribute("data-seq", re.compile(r"^\d{1,2}$"))
    page.get_by_label("Time", exact=True).focus()
    page.keyboard.press("End")
    expect(page.locator("#banner")).to_contain_text("TrialDbCluster")
    page.get_by_role("link", name="Exit replay").click()
    expect(page.locator("#replay")).to_have_count(0)


def test_the_replay_is_accessible(page: Page, web: Web) -> None:
    opened(page, web, "update")
    at(page, 20)
    assert not faults(page)
