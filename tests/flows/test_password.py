"""Changing one's own password in the browser, logging out, and the browser's Back button."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deployments.environments.models.environments import Environment
from tests.builders import make_user
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in

pytestmark = pytest.mark.timeout(300)
OLD, NEW = "a long password", "quite another one"


@pytest.fixture
def user(transactional_db: None) -> User:
    return make_user("vic")


def log_in(page: Page, web: Web, password: str) -> None:
    page.goto(f"{web.url}/login/")
    page.get_by_label("Username").fill("vic")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def fill(page: Page, old: str, new: str) -> None:
    page.get_by_label("Current password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("Confirm new password").fill(new)
    page.locator("main").get_by_role("button", name="Change password").click()


def test_a_user_without_rights_changes_the_password_and_other_browsers_are_logged_out(
    chromium: Browser, web: Web, user: User
) -> None:
    with (
        logged_in(chromium, user, web.url) as attacker_origin,
        logged_in(chromium, user, web.url) as here,
    ):
        page = here.new_page()
        page.goto(f"{web.url}/environments/")
        page.get_by_text("vic", exact=True).click()
        page.get_by_role("link", name="Change password").click()
        expect(page.get_by_label("Current password")).to_be_focused()
        fill(page, "wrong", NEW)
        expect(page.get_by_role("alert")).to_contain_text("The current password is incorrect.")
        fill(page, OLD, NEW)
        expect(page.get_by_role("status").filter(has_text="Password changed")).to_be_visible()
        expect(page).to_have_url(re.compile("/environments/$"))

        other = attacker_origin.new_page()
        other.goto(f"{web.url}/environments/")
        expect(other.get_by_role("heading", name="Log in")).to_be_visible()
        log_in(other, web, NEW)
        expect(other).to_have_url(re.compile("/environments/$"))


def test_the_page_is_accessible(chromium: Browser, web: Web, user: User) -> None:
    narrow = ViewportSize(width=390, height=844)
    found: list[str] = []
    for locale in ("en", "ja"):
        with logged_in(chromium, user, web.url, locale=locale, viewport=narrow) as mine:
            page = mine.new_page()
            page.goto(f"{web.url}/password/")
            found += faults(page)
            page.locator("main form button.primary").click()
            expect(page.get_by_role("alert").first).to_be_visible()
            found += faults(page)

    assert not found


def test_going_back_displays_pages_only_before_the_logout(
    page: Page, web: Web, environment: Environment
) -> None:
    secret = environment.stack_name
    page.goto(f"{web.url}{environment.get_absolute_url()}configuration")
    expect(page.locator("main")).to_contain_text(secret)
    page.goto(f"{web.url}/environments/new")
    page.locator("#id_name").fill("Not a name!")
    page.locator("main form button.primary").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Deployments").first.click()
    expect(page).to_have_url(re.compile("/deployments/$"))
    page.go_back()  # to the rejected form, which keeps its input
    expect(page.locator("#id_name")).to_have_value("Not a name!")
    page.go_back()
    page.go_back()
    expect(page.locator("main")).to_contain_text(secret)

    page.locator("header details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert secret not in page.content()
