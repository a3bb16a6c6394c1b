"""The preview of a change in a real browser: axe, keyboard, the typed name, and rows on demand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import allow
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in
from tests.previews import make_preview, many_changes

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _may_change(operator: User) -> None:
    allow(operator, "change_environment")


def test_every_state_of_a_preview_is_accessible(page: Page, web: Web, environment: Environment) -> None:
    found: list[str] = []
    changes = [
        make_preview(environment, "database"),
        make_preview(environment, "traffic"),
        make_preview(environment, state="change_set", last_phase="change_set"),
        make_preview(environment, state="canceled", cancel_code="discarded"),
        make_preview(environment, state="failed", last_phase="change_set", error_message="no such engine"),
    ]
    for change in changes:
        page.goto(url(web, "change_preview_page", change.pk))
        for folded in page.locator("details.folded").all():
            folded.locator("summary").click()
        found += faults(page)
    assert not found


def test_data_loss_is_confirmed_by_typing_the_name_and_then_the_change_is_applied(
    page: Page, web: Web, environment: Environment
) -> None:
    change = make_preview(environment, "database")
    page.goto(url(web, "deployment", change.pk))
    expect(
        page.get_by_role("heading", name="DbCluster (database) is replaced by an empty one")
    ).to_be_visible()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#typed-name")).to_be_focused()
    assert Deployment.objects.get(pk=change.pk).applied_at is None

    page.keyboard.type(environment.name)
    expect(page.locator("#typed-state")).to_have_text("Confirmed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Applied; waiting for its turn")).to_be_visible()
    expect(page.get_by_text("It is about to begin.")).to_be_visible()


def test_a_preview_is_read_applied_scheduled_and_discarded_without_javascript(
    chromium: Browser, web: Web, environment: Environment, operator: User
) -> None:
    many = make_preview(environment, changes=many_changes(1000).to_json())
    lossy = make_preview(environment, "database")
    later, unwanted = make_preview(environment, "traffic"), make_preview(environment, "traffic")
    with logged_in(chromium, operator, web.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url(web, "change_preview_page", many.pk))
        expect(page.locator("noscript .note")).to_be_visible()
        page.locator('tr[data-stack="Stack1"]').get_by_role("link", name="Show rows").click()
        rows = page.locator("#changes-body tr")
        expect(rows).to_have_count(210)
        page.get_by_role("searchbox").fill("Topic99")
        page.get_by_role("button", name="Search").click()
        expect(rows).to_have_count(32)
        expect(page.get_by_role("searchbox")).to_have_value("Topic99")
        page.get_by_role("link", name="Show all rows").click()
        expect(rows).to_have_count(2010)

        page.goto(url(web, "change_preview_page", lossy.pk))
        expect(page.locator("#typed-state")).to_be_hidden()
        page.get_by_role("button", name="Apply").click()  # the browser itself requires the name
        expect(page.locator("#typed-name")).to_be_focused()
        page.keyboard.type(environment.name)
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("heading", name="Applied; waiting for its turn")).to_be_visible()

        page.goto(url(web, "change_preview_page", later.pk))
        expect(page.locator("#scheduled-for")).to_be_hidden()
        page.get_by_label("At a time").check()
        page.locator("#scheduled-for").fill(f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("heading", name="Scheduled for")).to_be_visible()

        page.goto(url(web, "change_preview_page", unwanted.pk))
        page.locator("details.folded > summary").click()
        expect(page.get_by_role("table", name="Probably unchanged")).to_be_visible()
        page.get_by_role("button", name="Discard").click()
        expect(page.locator(".banner")).to_contain_text("Nothing was changed in AWS.")


def test_the_tree_is_read_by_keyboard_and_closed_stacks_are_loaded_when_opened(
    page: Page, web: Web, environment: Environment
) -> None:
    change = make_preview(environment, changes=many_changes(1000).to_json())
    page.goto(url(web, "change_preview_page", change.pk))
    rows = page.locator("#changes-body tr")
    expect(rows).to_have_count(10)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    stack = page.locator('tr[data-stack="Stack1"]')
    expect(stack).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(210)
    expect(stack).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#changes-body tr:focus")).to_contain_text("Topic1")
    page.keyboard.press("ArrowLeft")
    expect(stack).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#changes-body tr:visible")).to_have_count(10)

    page.keyboard.press("/")
    page.keyboard.type("Topic99")
    expect(rows).to_have_count(32)
    expect(page.locator("#changes-body")).to_contain_text("Topic999")


def test_rows_that_could_not_be_loaded_are_reported_and_loaded_again(
    page: Page, web: Web, environment: Environment
) -> None:
    change = make_preview(environment, changes=many_changes(1000).to_json())
    page.route("**/rows?*", lambda route: route.abort())
    page.goto(url(web, "change_preview_page", change.pk))
    problem = page.get_by_role("alert").filter(has_text="Some rows could not be loaded.")
    stack = page.locator('tr[data-stack="Stack1"]')
    retry = problem.get_by_role("button", name="Retry")

    stack.click()
    expect(problem).to_be_visible()
    expect(stack).to_have_attribute("aria-expanded", "false")
    page.get_by_role("searchbox").fill("Topic99")
    expect(problem).to_be_visible()
    page.unroute("**/rows?*")
    retry.click()
    expect(page.locator("#changes-body tr")).to_have_count(32)
    expect(problem).to_be_hidden()

    page.route("**/rows?*", lambda route: route.abort())
    page.goto(url(web, "change_preview_page", change.pk))
    stack.click()
    expect(problem).to_be_visible()
    page.unroute("**/rows?*")
    retry.click()
    expect(stack).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#changes-body tr")).to_have_count(210)
    expect(problem).to_be_hidden()
