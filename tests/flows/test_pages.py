"""The pages in a real browser: for every eye, by keyboard alone, and alive while one looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deployments.models import Account, Deployment, Environment
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_resource,
    make_stack,
    make_user,
)
from tests.flows.web import Web, Wire, logged_in

pytestmark = pytest.mark.timeout(300)
WIDE, NARROW = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: list[tuple[ViewportSize, Any]] = [
    (WIDE, "dark"),
    (NARROW, "light"),
    (NARROW, "dark"),
    (WIDE, "light"),
]
SEEN = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
OUTPUTS = {
    "URL": "http://127.0.0.1:9/",
    "WriterEndpoint": "staging.cluster-abc.ap-northeast-1.rds.amazonaws.com",
}


@pytest.fixture(autouse=True)
def _rows_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test write rows: Playwright keeps a loop in this thread, which Django takes for async code."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def operator(transactional_db: None) -> User:
    user = make_user("ana")
    user.user_permissions.add(Permission.objects.get(codename="add_deployment"))
    return user


@pytest.fixture
def account(operator: User) -> Account:
    return make_account(
        "sandbox", is_sandbox=True, sandbox_facts={"database": "embedded", "machines": "records"}
    )


@pytest.fixture
def environment(account: Account, operator: User) -> Environment:
    """An environment that stands, with stacks, outputs and parameters."""
    staging = make_environment(
        "staging",
        account=account,
        owner=operator,
        stack_id="arn:stack",
        stack_status="CREATE_COMPLETE",
        outputs=OUTPUTS,
        parameters={"WebInstanceType": "t4g.micro", "Certificate": ""},
    )
    deployment = make_deployment(
        staging, state="succeeded", requested_by=operator, reason="for the load test"
    )
    root = make_stack(deployment, status="CREATE_COMPLETE", started_at=timezone.now() - timedelta(minutes=8))
    network = make_stack(deployment, "Network", root, status="CREATE_FAILED", reason="No room.")
    make_resource(network, "Vpc", type="AWS::EC2::VPC")
    return staging


@pytest.fixture
def page(chromium: Browser, web: Web, operator: User) -> Iterator[Page]:
    """A tab of the operator."""
    with logged_in(chromium, operator, web.url, viewport=WIDE) as context:
        context.set_default_timeout(15_000)
        yield context.new_page()


def url(web: Web | Wire, name: str, *arguments: Any) -> str:
    return web.url + reverse(name, args=arguments)


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page for people who see, hear or point differently.

    All rules at the first look; those that see colours and places again in the other scheme and size.
    """
    found = axe(page, {"runOnly": RULES})
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {size['width']}: {fault}" for fault in axe(page, {"runOnly": SEEN})]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: scrolls sideways at {size['width']}")
    return found


def axe(page: Page, options: dict[str, Any]) -> list[str]:
    return [
        f"{page.url}: {violation['id']}: {node['html'][:200]} {node['any'] and node['any'][0]['message']}"
        for violation in Axe().run(page, options=options).response["violations"]
        for node in violation["nodes"]
    ]


def test_every_page_is_for_everybody(
    page: Page, web: Web, operator: User, account: Account, environment: Environment
) -> None:
    lost = make_environment("lost", account=account, missing_since=timezone.now(), stack_id="arn:lost")
    make_deployment(lost, state="succeeded")
    failed = make_environment("failed", stack_status="ROLLBACK_COMPLETE", stack_id="arn:failed")
    make_deployment(failed, state="rolled_back", error_message="DBCluster: too many clusters")
    moving = make_environment("moving", stack_status="CREATE_IN_PROGRESS")
    make_deployment(
        moving, state="stacks", attention_code="AccessDenied", attention="The role may not do that."
    )
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    found: list[str] = []

    for name, *arguments in (
        ("environments",),
        ("environment", environment.pk),
        ("environment", lost.pk),
        ("environment", failed.pk),
        ("environment", moving.pk),
        ("environment_new",),
        ("environment_delete", environment.pk),
        ("deployments",),
    ):
        page.goto(url(web, name, *arguments))
        found += faults(page)
    page.goto(f"{url(web, 'environments')}?status=deployed&account={failed.account.pk}")
    found += faults(page)
    page.keyboard.press("?")
    found += faults(page)
    assert not said  # nothing is forbidden by the content security policy either
    for form in (url(web, "environment_new"), url(web, "environment_delete", environment.pk)):
        page.goto(form)
        page.locator("main form button.primary").click()
        expect(page.get_by_role("alert")).to_be_focused()
        found += faults(page)
    page.goto(f"{web.url}/nope")
    found += faults(page)

    assert not found


def test_pages_for_those_who_are_not_in(chromium: Browser, web: Web, operator: User) -> None:
    context = chromium.new_context(viewport=NARROW)
    page = context.new_page()
    found: list[str] = []
    for path in ("/login/", "/nope"):
        page.goto(web.url + path)
        found += faults(page)
    context.close()
    with logged_in(chromium, make_user("vic"), web.url) as profile:
        page = profile.new_page()
        page.goto(url(web, "environments"))  # empty, and without the permission to deploy
        found += faults(page)
        page.goto(url(web, "environment_new"))
        found += faults(page)

    assert not found


def test_at_400_percent_nothing_scrolls_sideways(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    """WCAG 1.4.10: 1280 px at 400 % are 320 px."""
    with logged_in(
        chromium, operator, web.url, viewport={"width": 320, "height": 256}, locale="ja"
    ) as context:
        page = context.new_page()
        for name, *arguments in (
            ("environments",),
            ("environment", environment.pk),
            ("environment_new",),
            ("environment_delete", environment.pk),
            ("deployments",),
        ):
            page.goto(url(web, name, *arguments))
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name


def test_who_wants_no_motion_gets_none(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    with logged_in(chromium, operator, web.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(url(web, "environments"))
        make_deployment(make_environment("second"), state="failed")
        expect(page.get_by_role("link", name="second", exact=True)).to_be_visible()

        assert page.evaluate("document.getAnimations().length") == 0


def test_a_new_environment_is_asked_for_by_keyboard_alone(page: Page, web: Web, account: Account) -> None:
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


def test_a_double_click_on_deploy_is_one_deployment(page: Page, web: Web, account: Account) -> None:
    page.goto(url(web, "environment_new"))
    page.get_by_label("Name", exact=True).fill("staging")

    page.get_by_role("button", name="Deploy").dblclick()

    page.wait_for_url("**/deployments/*/")
    assert Deployment.objects.count() == 1


def test_back_from_the_deployment_the_form_can_be_sent_again(page: Page, web: Web, account: Account) -> None:
    page.goto(url(web, "environment_new"))
    page.get_by_label("Name", exact=True).fill("staging")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/deployments/*/")

    page.go_back()

    expect(page.get_by_role("button", name="Deploy")).not_to_have_attribute("aria-disabled", "true")


def test_an_environment_is_deleted_by_typing_its_name(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environment", environment.pk))
    page.get_by_role("link", name="Delete…").press("Enter")
    field = page.get_by_label("Type the name of the environment")
    field.press_sequentially("staging")
    field.press("Enter")

    page.wait_for_url("**/deployments/*/")
    assert Deployment.objects.filter(kind="delete", environment=environment).count() == 1


def test_enter_that_ends_a_conversion_sends_nothing(page: Page, web: Web, environment: Environment) -> None:
    """A Japanese input method ends a conversion with Enter; Safari then still says keydown."""
    page.goto(url(web, "environment_delete", environment.pk))
    key = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true, %s})"
    send = "(field) => field.dispatchEvent(%s)"
    field = page.get_by_label("Type the name of the environment")

    assert field.evaluate(send % (key % "isComposing: true")) is False
    assert field.evaluate(send % (key % "keyCode: 229")) is False
    assert field.evaluate(send % (key % "keyCode: 13")) is True


def test_a_question_mark_lists_the_keys_but_not_while_typing(page: Page, web: Web, account: Account) -> None:
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


def test_single_keys_can_be_turned_off(page: Page, web: Web, environment: Environment) -> None:
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


def test_the_raw_word_of_a_status_is_one_tab_away_and_escape_closes_it(
    page: Page, web: Web, environment: Environment
) -> None:
    page.goto(url(web, "environment", environment.pk))
    tip = page.locator("#facts .tip")
    status = page.locator("#facts .status")
    expect(tip).to_have_css("clip-path", "inset(50%)")

    status.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # so that the focus is a visible one
    expect(tip).to_have_css("clip-path", "none")
    page.keyboard.press("Escape")
    expect(tip).to_have_css("clip-path", "inset(50%)")
    page.mouse.move(0, 0)
    status.hover()
    expect(tip).to_have_css("clip-path", "none")


def test_an_output_is_copied(page: Page, web: Web, environment: Environment) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=web.url)
    page.goto(url(web, "environment", environment.pk))

    page.get_by_role("button", name="Copy WriterEndpoint").click()

    expect(page.locator("#output-WriterEndpoint")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == OUTPUTS["WriterEndpoint"]


def test_rows_change_while_one_looks_and_the_focused_one_stays(
    page: Page, web: Web, environment: Environment, account: Account
) -> None:
    page.goto(url(web, "environments"))
    page.evaluate("window.marked = true")
    mine = page.get_by_role("link", name="staging", exact=True)
    mine.focus()

    make_deployment(make_environment("broken", account=account), state="failed")
    Deployment.objects.filter(environment=environment).update(state="failed")

    expect(page.locator(f"#environment-{environment.pk}")).to_contain_text("Failed")
    expect(page.get_by_role("link", name="broken", exact=True)).to_be_visible()
    expect(mine).to_be_focused()
    assert page.locator("tbody tr").first.inner_text().startswith("staging")  # not moved under the focus
    assert page.evaluate("window.marked")  # the page was not loaded again
    expect(page.locator("#announcements")).to_contain_text("2 environments · 2 with problems")

    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("tbody tr").first).to_contain_text("broken")


def test_a_row_that_goes_stays_while_it_has_the_focus(page: Page, web: Web, environment: Environment) -> None:
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


def test_the_empty_list_fills_itself(page: Page, web: Web, operator: User) -> None:
    page.goto(url(web, "environments"))
    expect(page.get_by_text("No environment yet")).to_be_visible()

    make_deployment(make_environment("first"), state="stacks")

    expect(page.get_by_role("link", name="first", exact=True)).to_be_visible()


def test_an_environment_comes_up_on_its_page(page: Page, web: Web, environment: Environment) -> None:
    deployment = make_deployment(environment, state="stacks")
    page.goto(url(web, "environment", environment.pk))
    expect(page.locator("#active")).to_contain_text("In progress")

    Deployment.objects.filter(pk=deployment.pk).update(
        state="succeeded", active_key=None, ended_at=timezone.now()
    )
    Environment.objects.filter(pk=environment.pk).update(outputs={"Fresh": "value"})

    expect(page.locator("#output-Fresh")).to_be_visible()
    expect(page.locator("#active")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete…")).to_be_visible()


def requests_of(page: Page) -> Callable[[], int]:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "hx-request" in request.headers else None)
    return lambda: len(seen)


def test_a_hidden_tab_does_not_ask(page: Page, web: Web, environment: Environment) -> None:
    asked = requests_of(page)
    page.clock.install()
    page.goto(url(web, "environments"))
    visibility = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true})"
    page.evaluate(visibility % "hidden")
    page.clock.run_for(60_000)
    assert asked() == 0

    page.evaluate(visibility % "visible")
    with page.expect_request(lambda request: "hx-request" in request.headers):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request(lambda request: "hx-request" in request.headers):
        page.clock.run_for(5_000)


def test_a_lost_server_is_told_and_its_return_too(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    wire = Wire(web.port)
    try:
        with logged_in(chromium, operator, wire.url) as context:
            page = context.new_page()
            page.goto(url(wire, "environments"))
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            wire.cut()
            expect(page.get_by_text("No news from Sanso")).to_be_visible()
            expect(page.get_by_role("link", name="staging", exact=True)).to_be_visible()
            wire.mend()
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
    finally:
        wire.cut()


def test_a_session_that_ended_leads_to_the_log_in(page: Page, web: Web, environment: Environment) -> None:
    page.goto(url(web, "environments"))

    page.context.clear_cookies()

    page.wait_for_url("**/login/?next=/environments/", timeout=20_000)
