"""The admin's pages in a real browser: the portal's look and accessibility in both color schemes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, expect

from deployments.environments.models.accounts import Account
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in
from tests.live import scenes

pytestmark = pytest.mark.timeout(300)
BACKGROUNDS: list[tuple[Any, str]] = [("light", "rgb(246, 246, 243)"), ("dark", "rgb(20, 22, 26)")]


@pytest.fixture
def administrator(transactional_db: None) -> User:
    return User.objects.create_superuser("root")


def test_the_admin_looks_like_the_portal_and_is_accessible(
    chromium: Browser, web: Web, administrator: User
) -> None:
    deployment = scenes.rolled_back("prod", administrator)
    account = Account.objects.get()
    addresses = [
        reverse("admin:index"),
        reverse("admin:deployments_account_changelist"),
        reverse("admin:deployments_account_change", args=[account.pk]),
        reverse("admin:deployments_account_add"),
        reverse("admin:deployments_deployment_changelist"),
        reverse("admin:deployments_deployment_change", args=[deployment.pk]),
        reverse("admin:deployments_event_changelist"),
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_change", args=[administrator.pk]),
    ]
    found: list[str] = []
    with logged_in(chromium, administrator, web.url) as context:
        page = context.new_page()
        for address in addresses:
            page.goto(web.url + address)
            expect(page.get_by_role("banner").get_by_role("link", name="Environments")).to_be_visible()
            expect(page.locator("header [aria-current]")).to_have_text("Settings")
            found += faults(page)
            for button in page.locator(".submit-row .deletelink").all():
                box = button.bounding_box()
                assert box
                assert box["height"] >= 24
            for scheme, background in BACKGROUNDS:
                page.emulate_media(color_scheme=scheme)
                expect(page.locator("body")).to_have_css("background-color", background)

    assert not found
