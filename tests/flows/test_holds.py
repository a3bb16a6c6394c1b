"""Locks and freezes in a real browser: lock, break, wait until the end; axe on every page that shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.models import EnvironmentLock, FreezeWindow
from tests.builders import make_operator, make_user
from tests.flows.addresses import url
from tests.flows.environment_menu import choose, open_menu
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in
from tests.locks.commands.test_freeze import freeze
from tests.previews import make_preview

pytestmark = pytest.mark.timeout(300)


def locked(environment: Environment, owner: User) -> EnvironmentLock:
    return EnvironmentLock.objects.create(
        environment=environment,
        active_key=environment.pk,
        owner=owner,
        reason="Waiting for the audit of the release.",
        expires_at=timezone.now() + timedelta(hours=3),
    )


def test_a_lock_is_set_by_keyboard_and_broken_by_another_operator(
    page: Page, chromium: Browser, web: Web, environment: Environment
) -> None:
    change = make_preview(environment, "traffic")
    page.goto(url(web, "environment", environment.pk))
    choose(page, "lock-environment", by_keyboard=True)
    page.get_by_role("button", name="Lock environment").click()
    expect(page.locator("#id_reason_error")).to_be_visible()
    page.get_by_label("Reason").fill("load test")
    page.get_by_label("Reason").press("Enter")
    expect(page.locator("#lock")).to_contain_text("ana locked staging: “load test”")
    open_menu(page)
    expect(page.locator("#delete")).to_be_disabled()
    expect(page.locator("#delete-why-not")).to_contain_text("ana locked staging: “load test”")
    page.goto(url(web, "environments"))
    expect(page.locator(f"#environment-{environment.pk}")).to_contain_text("Locked")
    page.goto(url(web, "change_preview_page", change.pk))
    expect(page.locator("#why-not")).to_contain_text("ana locked staging: “load test”")
    expect(page.locator("#apply-change")).to_be_disabled()

    with logged_in(chromium, make_operator("bob"), web.url) as context:
        other = context.new_page()
        other.goto(url(web, "environment", environment.pk))
        other.get_by_role("link", name="Break lock…").click()
        other.get_by_label("Reason").fill("The site is down.")
        other.get_by_role("button", name="Break lock").click()
        expect(other.get_by_text("The lock of staging is broken.")).to_be_visible()
        other.goto(url(web, "environment_history", environment.pk))
        expect(other.locator("#locks")).to_contain_text("Broken by bob: The site is down.")

    expect(page.locator("#apply-change")).to_be_enabled()  # without a reload
    page.locator("#apply-change").click()
    expect(page.get_by_role("heading", name="Applied; waiting for its turn")).to_be_visible()
    assert Deployment.objects.get(pk=change.pk).applied_at


def test_an_applied_change_says_what_it_waits_for_until_the_freeze_ends(
    page: Page, web: Web, environment: Environment, account: Account
) -> None:
    window = freeze(account)
    change = make_preview(environment, "traffic")
    page.goto(url(web, "change_preview_page", change.pk))
    now, after = page.get_by_label("Now"), page.get_by_label("After the freeze")
    expect(page.locator("#frozen")).to_contain_text("by the window “Year-end sale”")
    expect(now).to_be_disabled()
    expect(after).to_be_checked()

    FreezeWindow.objects.filter(pk=window.pk).update(is_on=False)
    expect(now).to_be_checked()
    FreezeWindow.objects.filter(pk=window.pk).update(is_on=True)  # the freeze begins while the page is open
    expect(after).to_be_checked()
    Deployment.objects.filter(pk=change.pk).update(state="queued", applied_at=timezone.now())
    expect(page.locator("#held")).to_contain_text("Every minute counts.")


def test_every_page_that_shows_them_is_accessible(
    page: Page, chromium: Browser, web: Web, environment: Environment, account: Account, operator: User
) -> None:
    bob = make_operator("bob")
    EnvironmentLock.objects.create(
        environment=environment,
        owner=operator,
        reason="load test",
        end="broken",
        ended_at=timezone.now(),
        ended_by=bob,
        end_reason="The site is down.",
    )
    found: list[str] = []
    page.goto(url(web, "environment_lock", environment.pk))
    found += faults(page)
    page.get_by_role("button", name="Lock environment").click()
    expect(page.locator("#id_reason_error")).to_be_visible()
    found += faults(page)
    lock = locked(environment, bob)
    freeze(account)
    change = make_preview(environment, "traffic")
    for name in ("environment", "environment_history", "environment_lock", "environment_break_lock"):
        page.goto(url(web, name, environment.pk))
        found += faults(page)
    for name in ("environment_delete", "environment_change"):
        page.goto(url(web, name, environment.pk))
        found += faults(page)
    for address in (url(web, "environments"), url(web, "environment_new")):
        page.goto(address)
        found += faults(page)
    page.goto(url(web, "change_preview_page", change.pk))
    found += faults(page)
    EnvironmentLock.objects.filter(pk=lock.pk).update(owner=operator)
    page.goto(url(web, "environment", environment.pk))
    expect(page.locator("#unlock")).to_be_visible()
    found += faults(page)
    assert not found


def test_the_pages_of_freezes_are_accessible(chromium: Browser, web: Web, account: Account) -> None:
    freeze(account)
    found: list[str] = []
    with logged_in(chromium, make_user("root", is_staff=True, is_superuser=True), web.url) as context:
        page = context.new_page()
        page.goto(url(web, "freezes"))
        found += faults(page)
        page.get_by_role("link", name="Add freeze window").click()
        expect(page.get_by_label("First weekday")).to_be_visible()
        expect(page.get_by_label("First day")).to_be_hidden()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_be_visible()
        found += faults(page)
    assert not found
