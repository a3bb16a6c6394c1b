"""Creations that wait for their time: scheduled, given another time, started and canceled on their pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from tests.builders import make_operator
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in, submit
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import LIMIT

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""
TEMPLATES = {"root.yaml": ROOT}
TOKYO = ZoneInfo("Asia/Tokyo")
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


def local(days: int) -> str:
    """Return the time in some days as a field for local times has it."""
    return f"{timezone.now().astimezone(TOKYO) + timedelta(days=days):%Y-%m-%dT%H:%M}"


def schedule(page: Page, name: str, at: str) -> Deployment:
    """Schedule the creation of an environment in the form, and return it with its page open."""
    page.goto("/environments/new")
    expect(page.locator("#schedule-zone")).to_contain_text("Asia/Tokyo")  # the first page is loaded again
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("heading", name="Failure, time and approval").click()
    page.get_by_role("radio", name="At a time").check()
    page.locator("#scheduled-for").fill(at)
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", name="Scheduled for")).to_contain_text(at.replace("T", " "))
    expect(page.get_by_role("heading", name="Scheduled for")).to_contain_text("JST")
    return Deployment.objects.get(environment__name=name)


def let_time_come(deployment: Deployment) -> None:
    """Put a creation where it is at its time; a step that is running writes nothing more."""
    now = timezone.now()
    rows = Deployment.objects.filter(pk=deployment.pk)
    rows.update(scheduled_for=now, due_at=now, version=F("version") + 1)


def test_scheduled_creations_wait_and_begin_at_their_time_or_now(
    portal: Portal, portal_web: Web, chromium: Browser
) -> None:
    new_account()
    url = portal_web.url
    with logged_in(chromium, make_operator("lee"), url, base_url=url, timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        waiting, canceled, started = (schedule(page, name, local(2)) for name in ("shop", "blog", "wiki"))

        page.goto(waiting.get_absolute_url())
        assert faults(page) == []
        page.get_by_text("Change time").first.click()
        page.get_by_label("Date and time").fill("2020-01-01T10:00")
        page.get_by_role("button", name="Change time").click()
        expect(page.locator("#schedule-error")).to_be_focused()
        expect(page.locator("#schedule-error")).to_have_text("This time has passed. Choose a later one.")
        assert faults(page) == []
        page.get_by_label("Date and time").fill(later := local(5))
        page.get_by_role("button", name="Change time").click()
        expect(page.get_by_role("heading", name="Scheduled for")).to_contain_text(later.replace("T", " "))
        at = Deployment.objects.get(pk=waiting.pk).scheduled_for
        assert at == datetime.fromisoformat(later).replace(tzinfo=TOKYO)

        other = context.new_page()
        other.goto(canceled.get_absolute_url())
        other.get_by_role("link", name="Cancel…").click()
        expect(other.locator("#what")).to_contain_text("Nothing exists in AWS.")
        submit(other.locator("main form button").last)
        (ended,) = portal.wait_for_end(canceled)
        assert ended.state == State.CANCELED

        other.goto(started.get_absolute_url())
        submit(other.get_by_role("button", name="Start now"))
        (ended,) = portal.wait_for_end(started, seconds=3 * LIMIT)
        assert ended.state == State.SUCCEEDED, reason(ended)
        expect(other.locator("#deployment")).to_be_visible()

        let_time_come(waiting)
        expect(page.locator("#deployment")).to_be_visible()  # the open page follows the creation
        (ended,) = portal.wait_for_end(waiting, seconds=3 * LIMIT)
        assert ended.state == State.SUCCEEDED, reason(ended)
