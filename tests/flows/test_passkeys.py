"""A passkey in Chromium's virtual authenticator: add it, log out, log in with it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.browsers import close
from tests.builders import make_user
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.services import LIMIT, Redis

pytestmark = pytest.mark.timeout(300)
PASSWORD = "a long password"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def user(transactional_db: None, redis_server: Redis) -> User:
    return make_user("ana")


def log_out(page: Page) -> None:
    page.locator("header details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_passkey_is_added_and_used_alone_and_as_the_second_factor(
    chromium: Browser, web: Web, user: User
) -> None:
    context = chromium.new_context()
    context.set_default_timeout(LIMIT * 1000)
    page, found = context.new_page(), []
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    authenticator = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(f"http://localhost:{web.port}/login/")
    found += faults(page)
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()

    page.get_by_text("ana", exact=True).click()
    page.get_by_role("link", name="Account security").click()
    found += faults(page)
    page.get_by_role("link", name="Add passkey").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("Laptop")
    found += faults(page)
    page.locator("main").get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("status").filter(has_text="The passkey was added.")).to_be_visible()
    found += faults(page)
    page.get_by_role("link", name="I have stored the codes").click()
    expect(page.locator("main")).to_contain_text("Laptop")
    found += faults(page)

    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(re.compile("/environments/$"))

    log_out(page)
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    found += faults(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(re.compile("/environments/$"))

    log_out(page)
    unverified = {"authenticatorId": authenticator["authenticatorId"], "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", unverified)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="No passkey was used.")).to_be_visible()
    close(context)

    assert not found
    assert not problems  # nor violations of the content security policy
