"""Accessibility of every page in a real browser, in both color schemes, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from tests.axe import primary_buttons, violations
from tests.browsers import close
from tests.builders import make_deployment, make_environment, make_user
from tests.flows.addresses import url
from tests.flows.web import Web, logged_in

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
TOO_WIDE = """
  [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth)
    .map((e) => `${e.tagName} ${e.id} ${e.className}`).slice(-3)
"""
"""The innermost elements that extend beyond the window."""


def faults(page: Page) -> list[str]:
    """Return the faults of the page for those who use it; it is wide and light afterwards.

    All rules are checked once; rules about colors and positions are also checked in the other color schemes
    and sizes.
    """
    page.evaluate("scrollTo(0, 0)")  # otherwise the top bar covers scrolled content, as the bottom one does
    page.evaluate("document.querySelector('.deploy-bar')?.style.setProperty('position', 'static')")
    found = axe(page, RULES)
    if len(primary := primary_buttons(page)) > 1:
        found.append(f"{page.url}: {len(primary)} primary buttons: {primary}")
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        if (size, scheme) != (WIDE, "light"):  # the look of the first check
            found += [f"{scheme} {size['width']}: {fault}" for fault in axe(page, SEEN)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide = page.evaluate(TOO_WIDE)
            found.append(f"{page.url}: scrolls sideways at {size['width']}: {wide}")
    return found


def axe(page: Page, rules: list[str]) -> list[str]:
    return [
        f"{page.url}: {violation['id']}: {node['html'][:200]} {node['any'] and node['any'][0]['message']}"
        for violation in violations(page, *rules)
        for node in violation["nodes"]
    ]


def test_every_page_is_accessible(
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
    shown_text: list[str] = []
    page.on("console", lambda message: shown_text.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: shown_text.append(str(error)))
    found: list[str] = []

    for name, *arguments in (
        ("environments",),
        ("environment", environment.pk),
        ("environment", lost.pk),
        ("environment_configuration", lost.pk),
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
    assert not shown_text  # including violations of the content security policy
    for form in (url(web, "environment_new"), url(web, "environment_delete", environment.pk)):
        page.goto(form)
        page.locator("main form button.primary").click()
        expect(page.get_by_role("alert")).to_be_focused()
        found += faults(page)
    page.goto(f"{web.url}/nope")
    found += faults(page)

    assert not found


def test_pages_without_login_are_accessible(chromium: Browser, web: Web, operator: User) -> None:
    context = chromium.new_context(viewport=NARROW)
    page = context.new_page()
    found: list[str] = []
    for path in ("/login/", "/nope"):
        page.goto(web.url + path)
        found += faults(page)
    close(context)
    with logged_in(chromium, make_user("vic"), web.url) as profile:
        page = profile.new_page()
        page.goto(url(web, "environments"))  # an empty list, without the permission to deploy
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
            ("environment_history", environment.pk),
            ("environment_configuration", environment.pk),
            ("environment_new",),
            ("environment_delete", environment.pk),
            ("deployments",),
        ):
            page.goto(url(web, name, *arguments))
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name


def test_nothing_moves_with_reduced_motion(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    with logged_in(chromium, operator, web.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(url(web, "environments"))
        make_deployment(make_environment("second"), state="failed")
        expect(page.get_by_role("link", name="second", exact=True)).to_be_visible()

        assert page.evaluate("document.getAnimations().length") == 0
