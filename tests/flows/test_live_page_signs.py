"""The page's freshness, title, icon and notification."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.aws import quota
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from tests.flows.web import Web, has_icon, logged_in
from tests.live import scenes

pytestmark = pytest.mark.timeout(300)
KEEP_NOTIFICATIONS = """
  window.shown = [];
  window.asked = 0;
  window.Notification = class extends EventTarget {
    static permission = 'default';
    static async requestPermission() { window.asked += 1; return Notification.permission = window.answer; }
    constructor(title, options) { super(); window.shown.push([title, options.body]); }
  };
  window.answer = 'granted';
"""


def url(web: Web, deployment: Deployment) -> str:
    return f"{web.url}/deployments/{deployment.pk}/"


def test_the_page_displays_its_freshness_and_the_api_quota_used(page: Page, web: Web, operator: User) -> None:
    deployment = scenes.running(user=operator)
    account = deployment.environment.account
    for _ in range(6):
        quota.of(account.ref()).before("cloudformation", "DescribeStackEvents")

    page.goto(url(web, deployment))

    expect(page.locator("#fresh")).to_have_text(re.compile(r"^Updated \d+ s ago, API quota used: \d+ %$"))
    quota.of(account.ref()).after("cloudformation", "Throttling")
    Deployment.objects.filter(pk=deployment.pk).update(polled_at=timezone.now(), ticked_at=timezone.now())
    expect(page.locator("#fresh")).to_contain_text("Throttled by AWS")


def test_title_and_icon_display_the_current_state(page: Page, web: Web, operator: User) -> None:
    deployment = scenes.running(user=operator)
    deployment.advance_progress(3, back=False)  # as a step does
    page.goto(url(web, deployment))
    expect(page).to_have_title(re.compile(r"^◐ \d+ % · Create running"))
    assert has_icon(page, "run")

    scenes.finish(deployment, State.FAILED, code="ResourceFailed", message="No room")

    expect(page).to_have_title(re.compile("^✕ Create running failed"))
    assert has_icon(page, "fail")


def test_a_user_who_requested_it_is_notified_of_the_end_once(
    chromium: Browser, web: Web, operator: User
) -> None:
    deployment = scenes.running(user=operator)
    with logged_in(chromium, operator, web.url) as context:
        context.add_init_script(KEEP_NOTIFICATIONS)
        page = context.new_page()
        page.goto(url(web, deployment))
        button = page.get_by_role("button", name="Notify me when finished")
        expect(button).to_have_attribute("aria-pressed", "false")
        assert page.evaluate("window.asked") == 0  # the permission is requested only after a click
        page.evaluate("window.answer = 'denied'")
        button.click()
        expect(page.locator("#announcements")).to_contain_text("blocks notifications")
        expect(button).to_have_attribute("aria-pressed", "false")

        page.evaluate("window.answer = 'granted'; Notification.permission = 'default'")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        page.reload()
        page.evaluate("Notification.permission = 'granted'")
        scenes.finish(deployment, State.SUCCEEDED)
        expect(page).to_have_title(re.compile("^✓ Create running"))

        title = f"✓ Create running · Deployment {deployment.pk} · Sanso"
        assert page.evaluate("window.shown") == [[title, "running: Deployment succeeded."]]
        expect(button).to_be_hidden()
        page.reload()
        expect(page).to_have_title(re.compile("^✓ Create running"))
        assert page.evaluate("window.shown") == []


def test_other_users_are_not_notified(chromium: Browser, web: Web, operator: User) -> None:
    deployment = scenes.running(user=operator)
    with logged_in(chromium, operator, web.url) as context:
        context.add_init_script(KEEP_NOTIFICATIONS)
        page = context.new_page()
        page.goto(url(web, deployment))
        scenes.finish(deployment, State.SUCCEEDED)
        expect(page).to_have_title(re.compile("^✓ Create running"))
        assert page.evaluate("[window.asked, window.shown.length]") == [0, 0]
