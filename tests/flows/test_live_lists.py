"""Lists and pages of environments are updated without moving the focused row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment
from tests.flows.addresses import url
from tests.flows.environment_menu import open_menu
from tests.flows.web import Web, Wire, logged_in

pytestmark = pytest.mark.timeout(300)


def test_rows_are_updated_and_the_focused_one_stays(
    page: Page, web: Web, environment: Environment, account: Account
) -> None:
    page.goto(url(web, "environments"))
    page.evaluate("window.marked = true")
    mine = page.get_by_role("link", name="staging", exact=True)
    mine.focus()

    make_deployment(make_environment("broken", account=account), state="failed")
    Deployment.objects.filter(environment=environment).update(state="failed")

    expect(page.locator(f"#environment-{environment.pk}")).to_contain_text("Creation failed")
    expect(page.get_by_role("link", name="broken", exact=True)).to_be_visible()
    expect(mine).to_be_focused()
    assert page.locator("tbody tr").first.inner_text().startswith("staging")  # not moved under the focus
    assert page.evaluate("window.marked")  # the page was not reloaded
    expect(page.locator("#announcements")).to_contain_text("2 environments · 2 with problems")

    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("tbody tr").first).to_contain_text("broken")


def test_a_removed_row_stays_while_it_has_the_focus(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environments"))
    mine = page.get_by_role("link", name="staging", exact=True)
    make_deployment(make_environment("other"), state="succeeded")
    expect(page.get_by_role("link", name="other", exact=True)).to_be_visible()
    mine.focus()

    Environment.objects.filter(pk=environment.pk).update(deleted_at=timezone.now())

    expect(page.locator(f"#environment-{environment.pk}[data-gone]")).to_be_visible()
    expect(mine).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    expect(mine).to_have_count(0)


def test_an_empty_list_is_updated(page: Page, web: Web, operator: User) -> None:
    page.goto(url(web, "environments"))
    expect(page.get_by_text("No environments yet")).to_be_visible()

    make_deployment(make_environment("first"), state="stacks")

    expect(page.get_by_role("link", name="first", exact=True)).to_be_visible()


def test_the_page_of_an_environment_is_updated_during_its_creation(
    page: Page, web: Web, environment: Environment
) -> None:
    deployment = make_deployment(environment, state="stacks")
    page.goto(url(web, "environment", environment.pk))
    expect(page.locator("#state")).to_contain_text("In progress")
    open_menu(page)
    expect(page.locator("#delete-why-not")).to_contain_text("A deployment is changing this environment.")

    Deployment.objects.filter(pk=deployment.pk).update(
        state="succeeded", active_key=None, ended_at=timezone.now()
    )
    expect(page.locator("#note")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete…")).to_be_visible()


def test_each_tab_of_an_environment_is_updated(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environment_configuration", environment.pk))

    Environment.objects.filter(pk=environment.pk).update(outputs={"Fresh": "value"})

    expect(page.locator("#output-Fresh")).to_be_visible()
    expect(page).to_have_url(url(web, "environment_configuration", environment.pk))


def requests_of(page: Page) -> Callable[[], int]:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "hx-request" in request.headers else None)
    return lambda: len(seen)


def test_a_hidden_tab_does_not_poll(page: Page, web: Web, environment: Environment) -> None:
    requested = requests_of(page)
    page.clock.install()
    page.goto(url(web, "environments"))
    visibility = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true})"
    page.evaluate(visibility % "hidden")
    page.clock.run_for(60_000)
    assert requested() == 0

    page.evaluate(visibility % "visible")
    with page.expect_request(lambda request: "hx-request" in request.headers):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request(lambda request: "hx-request" in request.headers):
        page.clock.run_for(5_000)


def test_a_lost_connection_and_its_return_are_displayed(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    wire = Wire(web.port)
    try:
        with logged_in(chromium, operator, wire.url) as context:
            page = context.new_page()
            page.goto(url(wire, "environments"))
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            wire.cut()
            expect(page.get_by_text("No response from Sanso")).to_be_visible()
            expect(page.get_by_role("link", name="staging", exact=True)).to_be_visible()
            wire.restore()
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
    finally:
        wire.cut()


def test_an_ended_session_leads_to_the_login(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environments"))

    page.context.clear_cookies()

    page.wait_for_url("**/login/?next=/environments/")
