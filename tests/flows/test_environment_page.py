"""The environment's page in a real browser: accessibility, and updates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.display.tab_urls import LABELS, tab_url
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.models.database import DatabaseMember
from deployments.health.models.observing import Observation
from tests.builders import make_deployment, make_environment, make_user
from tests.flows.addresses import url
from tests.flows.environment_menu import open_menu
from tests.flows.test_pages import NARROW, faults
from tests.flows.web import Web, has_icon, logged_in
from tests.health_builders import make_parts, make_past, make_whole, run_failed, server_id, unwell
from tests.services import wait_until

pytestmark = pytest.mark.timeout(300)
SICK = server_id("app", 1)


@pytest.fixture
def whole(operator: User) -> Environment:
    return make_whole(owner=operator)


@pytest.fixture
def shown_text(page: Page) -> Iterator[list[str]]:
    """The errors in the browser's console; the list must be empty at the end."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield complaints
    assert not complaints


def refresh(page: Page) -> None:
    """Wait for an update of the page."""
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers and answer.ok):
        pass


def test_the_page_is_accessible(page: Page, web: Web, whole: Environment, shown_text: list[str]) -> None:
    make_past(whole, ("app", timedelta(hours=9), timedelta(minutes=30)))
    unwell(whole)
    run_failed(whole)
    Observation.objects.filter(source="associations").update(
        problem_code="AccessDenied",
        problem_sentence=Message(
            Code.AWS_DENIED_SHORT, {"action": "ssm:DescribeAssociationExecutions", "code": "AccessDenied"}
        ).as_json(),
    )
    Observation.objects.filter(source="fleet").update(observed_at=timezone.now() - timedelta(minutes=2))
    fresh = make_environment("fresh", owner=whole.owner, stack_status="CREATE_IN_PROGRESS")
    make_deployment(fresh, state="stacks")
    found: list[str] = []

    for environment in (whole, fresh):
        for tab in LABELS:
            page.goto(f"{web.url}{tab_url(environment, tab)}")
            for details in page.locator("details:not([data-from], .menu, .menu details) > summary").all():
                details.click()
            found += faults(page)

    assert not found


def test_the_diagram_leads_to_rows_by_keyboard(
    page: Page, web: Web, whole: Environment, shown_text: list[str]
) -> None:
    unwell(whole)
    page.goto(url(web, "environment", whole.pk))
    diagram = page.locator("#architecture svg.wide")

    diagram.locator("a").first.focus()
    names = []
    for _ in range(8):
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("Tab")

    assert [name.split(",")[0] for name in names] == [
        "ALB",
        f"web 0000 ({server_id('web', 0)})",
        f"web 0001 ({server_id('web', 1)})",
        "NLB",
        f"app 0000 ({server_id('app', 0)})",
        f"app 0001 ({SICK})",
        "Writer",
        "Reader",
    ]
    assert "Unhealthy, it fails its health check: no connection" in names[5]
    diagram.get_by_role("link", name=SICK).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{url(web, 'environment_servers', whole.pk)}#target-app-{SICK}")
    expect(page.locator(f"#target-app-{SICK}")).to_be_in_viewport()


def test_narrow_windows_have_their_own_diagram(
    chromium: Browser, web: Web, whole: Environment, operator: User
) -> None:
    unwell(whole)
    with logged_in(chromium, operator, web.url, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto(url(web, "environment", whole.pk))
        diagram = page.locator("#architecture svg.narrow")

        expect(page.locator("#architecture svg.wide")).to_be_hidden()
        box = diagram.get_by_role("link", name=SICK)
        expect(box).to_contain_text("Unhealthy")
        size: Any = box.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 12
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_health_is_updated_without_moving_the_focus(
    page: Page, web: Web, whole: Environment, shown_text: list[str]
) -> None:
    page.goto(url(web, "environment", whole.pk))
    page.evaluate("window.marked = true")
    box = page.locator("#architecture svg.wide").get_by_role("link", name=SICK)
    box.focus()

    unwell(whole)

    expect(page.locator("#health")).to_contain_text("1 of 2 app servers fails its health check")
    expect(box).to_contain_text("Unhealthy")
    expect(box).to_be_focused()
    expect(page.locator("#announcements")).to_contain_text("Degraded")
    expect(page.locator("#state")).to_have_text("Degraded")
    expect(page).to_have_title("▲ Degraded · staging · Sanso")
    wait_until(lambda: has_icon(page, "alert"), what="the icon of the state")

    Target.objects.update(state="healthy", reason="")
    DatabaseMember.objects.filter(instance_id="site-1").update(is_writer=False)
    DatabaseMember.objects.filter(instance_id="site-2").update(is_writer=True)

    expect(page.locator("#health")).to_have_count(0)
    expect(page.locator("#architecture").get_by_role("link", name="Writer")).to_have_attribute(
        "href", "database#member-site-2"
    )
    expect(box).to_be_focused()
    assert page.evaluate("window.marked")


def test_the_list_has_the_same_word_and_why_without_a_reload(
    page: Page, web: Web, whole: Environment
) -> None:
    page.goto(url(web, "environments"))
    row = page.locator(f"#environment-{whole.pk} td.lead")
    expect(row).to_have_text(re.compile("Healthy"))

    unwell(whole)

    expect(row).to_contain_text("Degraded")
    expect(row.get_by_role("link")).to_have_text(re.compile("1 of 2 app servers fails its health check"))
    row.get_by_role("link").click()
    expect(page.locator("#state")).to_contain_text("Degraded")


def test_an_output_is_opened_in_place_and_stays_open(
    page: Page, web: Web, whole: Environment, shown_text: list[str]
) -> None:
    run = run_failed(whole)
    page.goto(url(web, "environment_servers", whole.pk))
    output = page.locator(f"#run-{run.pk}-output")

    output.locator("summary").focus()
    page.keyboard.press("Enter")

    expect(output.locator("pre").first).to_contain_text("FAILED!")
    refresh(page)
    refresh(page)
    expect(output.locator("pre").first).to_be_visible()
    expect(output.locator("summary")).to_be_focused()
    expect(output).to_have_count(1)


def test_components_that_appear_have_their_history(page: Page, web: Web, operator: User) -> None:
    environment = make_environment("fresh", owner=operator, stack_status="CREATE_IN_PROGRESS")
    make_deployment(environment, state="stacks")
    page.goto(url(web, "environment", environment.pk))
    expect(page.locator("#health")).to_contain_text("as soon as CloudFormation has created them")

    make_parts(environment)

    expect(page.locator("#health")).to_contain_text("It is being created.")
    expect(page.locator("#incidents")).to_contain_text("No data for this period.")
    expect(page.locator("#tabs")).to_contain_text("Servers")


def test_the_history_keeps_what_is_open_and_focused(
    page: Page, web: Web, whole: Environment, shown_text: list[str]
) -> None:
    make_past(whole, ("app", timedelta(hours=9), timedelta(minutes=30)))
    page.goto(url(web, "environment_history", whole.pk))
    incidents = page.locator("#past-day")
    incidents.locator("summary").focus()
    page.keyboard.press("Enter")

    with page.expect_response(lambda answer: answer.url.endswith("/past") and answer.ok):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    refresh(page)

    assert incidents.count() == 1  # immediately, not after the next update
    expect(incidents).to_have_attribute("open", "")
    expect(incidents.locator("summary")).to_be_focused()


def test_ages_are_updated_without_the_server(page: Page, web: Web, whole: Environment) -> None:
    page.goto(url(web, "environment_servers", whole.pk))
    refresh(page)
    page.route("**/*", lambda route: route.abort())
    age = page.locator("#source-targets time")
    before = age.inner_text()

    expect(age).not_to_have_text(before)
    expect(page.get_by_text("No response from Sanso")).to_be_visible()


def test_actions_are_disabled_without_the_permission(
    chromium: Browser, web: Web, whole: Environment, operator: User
) -> None:
    with logged_in(chromium, make_user("vic"), web.url) as context:
        page = context.new_page()
        page.goto(url(web, "environment", whole.pk))

        open_menu(page)
        expect(page.get_by_role("button", name="Run site check")).to_be_disabled()
        expect(page.locator("#save-time-why-not")).to_have_text("You need the role Operator for staging.")
        page.goto(url(web, "environment_servers", whole.pk))
        expect(page.locator("#may-not")).to_be_visible()


def test_nothing_moves_with_reduced_motion(
    chromium: Browser, web: Web, whole: Environment, operator: User
) -> None:
    with logged_in(chromium, operator, web.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(url(web, "environment", whole.pk))
        unwell(whole)
        expect(page.locator("#health")).to_contain_text("1 of 2 app servers fails its health check")

        assert page.evaluate("document.getAnimations().length") == 0


def test_tabs_are_addresses_that_back_and_reload_keep(page: Page, web: Web, whole: Environment) -> None:
    unwell(whole)
    page.goto(url(web, "environment", whole.pk))
    tabs = page.get_by_role("navigation", name="Environment")

    tabs.get_by_role("link", name="Servers").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#servers-web")).to_be_visible()
    expect(page.locator("#architecture")).to_have_count(0)
    tabs.get_by_role("link", name="Database").click()
    expect(page.locator("#database")).to_be_visible()
    page.go_back()

    expect(page).to_have_url(url(web, "environment_servers", whole.pk))
    expect(tabs.locator("[aria-current]")).to_contain_text("Servers")
    Target.objects.update(state="healthy", reason="")
    expect(page.locator(f"#target-app-{SICK}")).to_contain_text("Healthy")
    expect(tabs).not_to_contain_text("1 of 4")
    page.reload()
    expect(page.locator("#servers-web")).to_be_visible()
    page.go_forward()
    expect(page.locator("#database")).to_be_visible()


def test_tabs_and_the_notice_work_without_scripts(
    chromium: Browser, web: Web, whole: Environment, operator: User
) -> None:
    type(whole.account).objects.update(
        is_sandbox=True, sandbox_facts={"machines": "booted", "database": "mariadb"}
    )
    with logged_in(chromium, operator, web.url, java_script_enabled=False, viewport=NARROW) as context:
        page = context.new_page()
        page.goto(url(web, "environment", whole.pk))
        notice = page.locator("#sandbox")
        expect(notice.get_by_text("nothing is billed;")).to_be_visible()
        expect(notice.get_by_text("machines: booted")).to_be_hidden()
        notice.get_by_text("Details").click()
        expect(notice.get_by_text("machines: booted")).to_be_visible()

        for name, panel in (
            ("Servers", "#servers-web"),
            ("History", "#past"),
            ("Configuration", "#outputs"),
        ):
            page.get_by_role("navigation", name="Environment").get_by_role("link", name=name).click()
            expect(page.locator(panel)).to_be_visible()
