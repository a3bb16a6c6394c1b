"""/view in a browser: keyboard, axe, light and dark, English and Japanese, without script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from datelog.labels import ENGLISH, JAPANESE, Labels
from tests.axe import violations
from tests.browsers import close, open_chromium
from tests.datelog.servers import AppServer, Cluster
from tests.services import LOOPBACK

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        yield browser
        close(browser)


def url(app: AppServer) -> str:
    return f"http://{LOOPBACK}:{app.port}/view"


def assert_accessible(page: Page) -> None:
    assert violations(page) == []


@pytest.mark.parametrize("labels", [ENGLISH, JAPANESE], ids=["en", "ja"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_time_is_saved_with_the_keyboard_alone(
    app: AppServer, cluster: Cluster, browser: Browser, labels: Labels, dark: bool, viewport: ViewportSize
) -> None:
    page = browser.new_page(
        locale=labels.language, color_scheme="dark" if dark else "light", viewport=viewport
    )
    try:
        page.goto(url(app))
        expect(page.get_by_text(labels.empty)).to_be_visible()
        assert_accessible(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=labels.save)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(labels.saved)
        cluster.wait_for_reader()
        page.goto(url(app))
        expect(page.get_by_role("listitem")).to_have_count(1)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    finally:
        page.close()
    assert cluster.rows() == 1


def test_the_first_visit_shows_the_page_and_its_icon(
    app: AppServer, cluster: Cluster, browser: Browser
) -> None:
    cluster.fill("2024-01-01 00:00:00")
    page = browser.new_page(locale="ja")
    try:
        page.goto(f"http://{LOOPBACK}:{app.port}")
        expect(page.get_by_role("heading", name=JAPANESE.title)).to_be_visible()
        assert_accessible(page)
        icon = page.locator("link[rel=icon]").evaluate("link => link.href")
        page.goto(icon)
        expect(page.locator("svg")).to_be_visible()
        page.goto(f"http://{LOOPBACK}:{app.port}/read")
        expect(page.get_by_text('"2024-01-01 00:00:00"')).to_be_visible()
    finally:
        page.close()


def test_reloading_after_saving_saves_nothing_more(
    app: AppServer, cluster: Cluster, browser: Browser
) -> None:
    page = browser.new_page(java_script_enabled=False)
    try:
        page.goto(url(app))
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_be_visible()
        page.reload()
        expect(page.get_by_role("status")).to_be_visible()
    finally:
        page.close()
    assert cluster.rows() == 1


def test_the_browser_reports_no_error(app: AppServer, cluster: Cluster, browser: Browser) -> None:
    cluster.run("INSERT INTO datelog (dt) SELECT '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_150")
    cluster.wait_for_reader()
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("requestfailed", lambda request: problems.append(request.url))
    try:
        page.goto(url(app))
        page.get_by_role("link", name=ENGLISH.older).click()
        expect(page.get_by_role("listitem")).to_have_count(50)
        expect(page.get_by_role("heading", name=ENGLISH.older_times)).to_be_visible()
        assert_accessible(page)
        page.get_by_role("link", name=ENGLISH.newest).click()
        expect(page.get_by_role("listitem")).to_have_count(100)
    finally:
        page.close()
    assert problems == []


def test_an_error_is_accessible(app: AppServer, cluster: Cluster, browser: Browser) -> None:
    cluster.writer.kill()
    page = browser.new_page()
    try:
        page.goto(url(app))
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_have_text(ENGLISH.not_saved)
        assert_accessible(page)
    finally:
        page.close()
        cluster.writer.restart()
