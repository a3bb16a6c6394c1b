"""Keyboard and mouse: forms, shortcuts, tooltips, copying."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.flows.addresses import OUTPUTS, url
from tests.flows.environment_menu import choose
from tests.flows.web import Web

pytestmark = pytest.mark.timeout(300)


def test_a_new_environment_can_be_requested_by_keyboard(page: Page, web: Web, account: Account) -> None:
    page.goto(url(web, "environments"))
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/environments/new")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("1st")
    expect(page.locator("output")).to_have_text("sanso-1st")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("first")
    page.keyboard.press("Enter")

    page.wait_for_url("**/deployments/*/")
    assert Environment.objects.get().name == "first"


def test_a_double_click_on_deploy_creates_one_deployment(page: Page, web: Web, account: Account) -> None:
    page.goto(url(web, "environment_new"))
    page.get_by_label("Name", exact=True).fill("staging")

    page.get_by_role("button", name="Deploy").dblclick()

    page.wait_for_url("**/deployments/*/")
    assert Deployment.objects.count() == 1


def test_the_form_can_be_sent_again_after_going_back(page: Page, web: Web, account: Account) -> None:
    page.goto(url(web, "environment_new"))
    page.get_by_label("Name", exact=True).fill("staging")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/deployments/*/")

    page.go_back()

    expect(page.get_by_role("button", name="Deploy")).not_to_have_attribute("aria-disabled", "true")


def test_an_environment_is_deleted_by_typing_its_name(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environment", environment.pk))
    choose(page, "delete", by_keyboard=True)
    field = page.get_by_label("Type the environment name")
    field.press_sequentially("staging")
    field.press("Enter")

    page.wait_for_url("**/deployments/*/")
    assert Deployment.objects.filter(kind="delete", environment=environment).count() == 1


def test_enter_that_ends_an_ime_conversion_does_not_submit_the_form(
    page: Page, web: Web, environment: Environment
) -> None:
    """Enter ends a conversion in a Japanese input method, and Safari sends keydown for it as well."""
    page.goto(url(web, "environment_delete", environment.pk))
    key = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true, %s})"
    send = "(field) => field.dispatchEvent(%s)"
    field = page.get_by_label("Type the environment name")

    assert field.evaluate(send % (key % "isComposing: true")) is False
    assert field.evaluate(send % (key % "keyCode: 229")) is False
    assert field.evaluate(send % (key % "keyCode: 13")) is True


def test_control_k_searches_and_enter_opens_what_is_chosen(
    page: Page, web: Web, environment: Environment
) -> None:
    page.goto(url(web, "deployments"))
    dialog = page.get_by_role("dialog", name="Search or jump to")
    page.keyboard.press("Control+k")
    field = dialog.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(dialog.get_by_role("option", name="Environments")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.get_by_role("link", name="Search or jump to…").press("Enter")
    page.keyboard.type("stag data")
    expect(dialog.get_by_role("option")).to_have_text(["staging · Database"])
    page.keyboard.type("x")
    expect(dialog.get_by_role("option")).to_have_count(0)
    expect(dialog.get_by_text("Nothing matches “stag datax”.")).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Backspace")
    first = dialog.get_by_role("option", name="staging", exact=False).first
    expect(first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    chosen = dialog.get_by_role("option", name="staging · Change…")
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/environments/{environment.pk}/change")


def test_a_search_that_fails_says_so_and_works_again(page: Page, web: Web, environment: Environment) -> None:
    page.route("**/jump/?q=*", lambda route: route.abort())
    page.goto(url(web, "environments"))  # after it: a page that is open may send a request past a new route
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search or jump to")
    expect(dialog.locator("#jump-status")).to_contain_text("The search failed.")

    page.unroute("**/jump/?q=*")
    page.keyboard.type("staging")
    expect(dialog.get_by_role("option").first).to_contain_text("staging")
    expect(dialog.locator("#jump-status")).to_be_empty()


def test_a_question_mark_lists_the_shortcuts_except_while_typing(
    page: Page, web: Web, account: Account
) -> None:
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.goto(url(web, "environment_new"))
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Name", exact=True)).to_have_value("?")

    page.locator("h1").click()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_single_key_shortcuts_can_be_turned_off(page: Page, web: Web, environment: Environment) -> None:
    """WCAG 2.1.4."""
    page.goto(url(web, "environments"))
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.reload()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_text("ana", exact=True).first.click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Single-key shortcuts")).not_to_be_checked()


def test_the_raw_status_is_a_tooltip_that_escape_closes(
    page: Page, web: Web, environment: Environment
) -> None:
    page.goto(url(web, "environment_configuration", environment.pk))
    tip = page.locator("#stacks header .tip")
    status = page.locator("#stacks header .status")
    expect(tip).to_have_css("clip-path", "inset(50%)")

    status.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # so that the focus is visible
    expect(tip).to_have_css("clip-path", "none")
    page.keyboard.press("Escape")
    expect(tip).to_have_css("clip-path", "inset(50%)")
    page.mouse.move(0, 0)
    status.hover()
    expect(tip).to_have_css("clip-path", "none")


def test_an_output_can_be_copied(page: Page, web: Web, environment: Environment) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=web.url)
    page.goto(url(web, "environment_configuration", environment.pk))

    page.get_by_role("button", name="Copy WriterEndpoint").click()

    expect(page.locator("#output-WriterEndpoint")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == OUTPUTS["WriterEndpoint"]
