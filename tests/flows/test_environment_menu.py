"""The menu of an environment's page in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.environments import Environment
from tests.flows.addresses import url
from tests.flows.environment_menu import open_menu
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.health_builders import make_whole

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def whole(operator: object) -> Environment:
    return make_whole()


def test_the_menu_works_by_keyboard_and_stays_open_while_the_page_is_updated(
    page: Page, web: Web, whole: Environment
) -> None:
    page.goto(url(web, "environment", whole.pk))
    open_menu(page, by_keyboard=True)
    menu = page.locator("#actions")

    page.keyboard.press("ArrowDown")
    expect(page.locator("#save-time")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#lock-environment")).to_be_focused()
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers and answer.ok):
        pass
    expect(menu).to_have_attribute("open", "")
    expect(page.locator("#lock-environment")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(menu.locator("> summary")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#save-time")).to_be_focused()

    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("> summary")).to_be_focused()


def test_the_open_menu_is_accessible(page: Page, web: Web, whole: Environment) -> None:
    page.goto(url(web, "environment", whole.pk))
    open_menu(page)
    page.locator("#not-possible > summary").click()
    expect(page.locator("#operation-continue")).to_be_visible()

    assert not faults(page)
