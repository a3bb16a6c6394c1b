"""A browser in Tokyo displays times in Tokyo from the first page on, and on a live page."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from deployments.environments.models.environments import Environment
from tests.flows.addresses import url
from tests.flows.web import Web, logged_in


def test_times_follow_the_browser_and_utc_is_on_hover(
    chromium: Browser, web: Web, operator: User, environment: Environment
) -> None:
    with logged_in(chromium, operator, web.url, timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto(url(web, "environment", environment.pk))

        created = page.locator("#facts time").first
        expect(created).to_have_text(re.compile(r"JST$"))
        expect(created).to_have_attribute("title", re.compile(r"Z$"))
        page.reload()
        expect(created).to_have_text(re.compile(r"JST$"))
        page.goto(url(web, "deployment", environment.latest_id))
        expect(page.locator("#header time").first).to_have_text(re.compile(r"JST$"))
