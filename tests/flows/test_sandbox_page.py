"""The sandbox console in a real browser: inject and remove failures by keyboard, accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.accounts import Account
from tests.builders import make_environment
from tests.flows.addresses import url
from tests.flows.test_pages import NARROW, WIDE, faults
from tests.flows.web import Web, environment_of_processes, logged_in, start_web
from tests.running import client, new_account
from tests.services import Sandbox, free_port, wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def account(sandbox: Sandbox, operator: User) -> Iterator[Account]:
    """A sandbox account with a requested environment."""
    account = new_account()
    make_environment("shop", account=account, owner=operator, stack_name="shop")
    yield account
    sandbox.control("POST", "reset", account=account.sandbox_account_id)


@pytest.fixture
def shop(account: Account, sandbox: Sandbox) -> Account:
    """The same account, with a server and a database in that environment."""
    cloudformation = client(account, "cloudformation", sandbox)
    template = (Path(__file__).parent / "small_shop.yaml").read_text()
    cloudformation.create_stack(StackName="shop", TemplateBody=template)

    def is_there() -> bool:
        (stack,) = cloudformation.describe_stacks(StackName="shop")["Stacks"]
        return bool(stack["StackStatus"] == "CREATE_COMPLETE" and machines(sandbox, account))

    wait_until(is_there, what="the server and the database")
    return account


def machines(sandbox: Sandbox, account: Account) -> list[dict[str, Any]]:
    reported: Any = sandbox.control("GET", "machines", account=account.sandbox_account_id)
    return list(reported["machines"])


def in_force(sandbox: Sandbox, account: Account) -> dict[str, Any]:
    reported: Any = sandbox.control("GET", "faults", account=account.sandbox_account_id)
    return dict(reported)


def test_a_failure_is_injected_and_removed_by_keyboard_without_losing_input(
    page: Page, web: Web, account: Account, sandbox: Sandbox
) -> None:
    page.goto(url(web, "environments"))
    page.get_by_role("link", name="Settings", exact=True).press("Enter")
    page.get_by_role("link", name="Sandbox", exact=True).press("Enter")
    field = page.get_by_label("Logical ID")
    field.focus()
    page.keyboard.type("DbCluster")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Failure injected: DbCluster.")).to_be_visible()
    expect(page.locator("#resources-list")).to_contain_text("DbCluster when it is created")
    assert list(in_force(sandbox, account)["resources"]) == ["DbCluster"]

    other = page.get_by_label("Association", exact=True)
    other.fill("web")
    field.focus()
    page.keyboard.type("Vpc")  # while a script injects another failure
    fault = {"associations": {"app": {"on": True, "stdout": "fatal: [localhost]"}}}
    sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    expect(page.locator("#associations-list")).to_contain_text("app on all instances")
    expect(field).to_have_value("Vpc")
    expect(field).to_be_focused()
    expect(other).to_have_value("web")

    page.get_by_role("button", name="Remove DbCluster").press("Enter")
    expect(page.locator("#resources-none")).to_be_visible()
    assert not in_force(sandbox, account)["resources"]
    page.get_by_role("button", name="Remove all faults").press("Enter")
    expect(page.locator("#in-force")).to_have_count(0)
    assert not any(in_force(sandbox, account).values())


def test_only_necessary_fields_are_displayed_and_bad_input_gets_the_focus(
    page: Page, web: Web, account: Account
) -> None:
    page.goto(url(web, "sandbox"))
    expect(page.get_by_label("Instance IDs")).to_be_hidden()
    page.get_by_label("Association", exact=True).fill("app")
    page.get_by_label("Fails on").select_option("chosen")
    expect(page.get_by_label("Number of instances")).to_be_hidden()
    page.get_by_label("Instance IDs").fill("the first")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Instance IDs")).to_be_focused()
    expect(page.get_by_label("Instance IDs")).to_have_value("the first")
    expect(page.get_by_label("Association", exact=True)).to_have_value("app")


def test_a_server_is_killed_after_a_confirmation(
    page: Page, web: Web, shop: Account, sandbox: Sandbox
) -> None:
    (machine,) = machines(sandbox, shop)
    name = machine["instance"]
    page.set_viewport_size(NARROW)
    page.goto(url(web, "sandbox"))
    page.locator(f"#{name}-log > summary").press("Enter")
    expect(page.locator(f"#{name}-log .text")).to_contain_text("The log is empty")
    yes = page.get_by_role("button", name=f"Kill {name}")
    expect(yes).to_be_hidden()
    page.locator(f"#{name}-kill > summary").press("Enter")

    yes.press("Enter")

    expect(page.get_by_role("status").filter(has_text=f"Killed {name}")).to_be_visible()
    expect(page.locator(f"#{name}")).to_have_count(0)
    wait_until(
        lambda: [one["instance"] for one in machines(sandbox, shop)] not in ([], [name]),
        what="another server in its place",
    )


def test_a_confirmation_moves_nothing(page: Page, web: Web, shop: Account, sandbox: Sandbox) -> None:
    (machine,) = machines(sandbox, shop)
    page.goto(url(web, "sandbox"))
    expect(page.locator("#databases tbody tr")).to_have_count(2)
    kill = page.locator(f"#{machine['instance']}-kill > summary")
    boxes = """() => [...document.querySelectorAll("#running :is(h2, summary, .buttons > form > button)")]
        .map(element => [element.textContent.trim(), element.getBoundingClientRect().toJSON()])"""
    before = page.evaluate(boxes)

    kill.click()

    confirmation = page.get_by_role("button", name=f"Kill {machine['instance']}")
    expect(confirmation).to_be_visible()
    assert page.evaluate(boxes) == before
    page.keyboard.press("Escape")
    expect(confirmation).to_be_hidden()
    expect(kill).to_be_focused()
    kill.click()
    page.get_by_role("heading", name="What to try first").click()
    expect(confirmation).to_be_hidden()


def test_the_page_is_accessible(page: Page, web: Web, shop: Account, sandbox: Sandbox) -> None:
    shown_text: list[str] = []
    page.on("console", lambda message: shown_text.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: shown_text.append(str(error)))
    page.goto(url(web, "sandbox"))
    expect(page.locator("#databases tbody tr")).to_have_count(2)
    found = faults(page)
    sandbox.control(
        "POST",
        "faults",
        {
            "resources": {"DbCluster": "No room. " * 20},
            "associations": {
                "sanso-shop-app-servers": {"on": ["i-0123456789abcdef0"] * 5, "stdout": "x" * 200}
            },
            "api": [{"service": "cloudformation", "action": "DescribeStackEvents", "mode": "throttle"}],
        },
        account=shop.sandbox_account_id,
    )
    expect(page.locator("#in-force")).to_be_visible()
    for summary in page.locator("#sandbox summary").all():
        summary.press("Enter")
    found += faults(page)
    page.set_viewport_size(WIDE)
    assert not shown_text
    page.get_by_role("button", name="Inject failure").first.click()
    expect(page.get_by_role("alert")).to_be_focused()
    found += faults(page)

    assert not found


@pytest.fixture
def lost(django_db_setup: None, tmp_path: Path) -> Iterator[Web]:
    """A web process whose sandbox is down."""
    nowhere = {"SANSO_SANDBOX_URL": f"http://127.0.0.1:{free_port()}"}
    server = start_web(tmp_path / "lost", environment_of_processes() | nowhere)
    yield server
    server.stop()


def test_a_sandbox_that_is_down_is_reported_accessibly(chromium: Browser, lost: Web, operator: User) -> None:
    account = new_account()
    with logged_in(chromium, operator, lost.url, viewport=WIDE) as context:
        page = context.new_page()
        page.goto(url(lost, "sandbox"))
        expect(page.get_by_role("heading", name="Sandbox not responding")).to_be_visible()
        found = faults(page)
        Account.objects.filter(pk=account.pk).update(is_sandbox=False)
        page.goto(url(lost, "sandbox"))
        expect(page.locator("main")).to_contain_text("ensure_sandbox_account")
        found += faults(page)

    assert not found


def test_at_400_percent_nothing_scrolls_sideways(
    chromium: Browser, web: Web, operator: User, shop: Account
) -> None:
    size = {"width": 320, "height": 256}
    with logged_in(chromium, operator, web.url, viewport=size, locale="ja") as context:
        page = context.new_page()
        page.goto(url(web, "sandbox"))
        expect(page.locator("h1")).to_have_text("サンドボックス")

        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
