"""A webhook is set up and tested, and its deliveries are read, by keyboard; axe on every page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django import Settings

from deployments.environments.models.environments import Environment
from deployments.notifications.models import Delivery
from deployments.notifications.steps import delivery
from tests.builders import allow
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver of webhooks on loopback."""
    settings.SANSO_NOTIFY_ADDRESSES = ["127.0.0.0/8"]
    with receiving() as found:
        yield found


def send() -> None:
    """Send the pending deliveries, as the worker does."""
    for row in Delivery.objects.pending():
        delivery.run_delivery(row.pk, row.version)


def test_a_webhook_is_set_up_and_tested_by_keyboard(
    page: Page, web: Web, operator: User, environment: Environment, receiver: Receiver
) -> None:
    allow(operator, "view_environment", "manage_notifications")
    page.goto(url(web, "notifications"))
    expect(page.get_by_role("heading", name="Nothing notifies you yet")).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="New notification target").press("Enter")
    page.get_by_role("button", name="Add target").press("Enter")
    expect(page.get_by_role("heading", name="Fix the following")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("Name").fill("Team chat")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("Environments").select_option(f"environment:{environment.pk}")
    page.get_by_label("Name").press("Enter")
    expect(page.locator("#secret-value")).to_contain_text("whsec_")
    assert faults(page) == []

    page.get_by_role("link", name="Done").press("Enter")
    expect(page.get_by_role("heading", name="Nothing was sent yet")).to_be_visible()
    page.get_by_role("button", name="Send test message").press("Enter")
    expect(page.locator("#log tbody tr")).to_contain_text("Pending")
    receiver.status = 500
    send()
    expect(page.locator("#log tbody tr")).to_contain_text("answered with the status 500")
    assert faults(page) == []
    receiver.status = 200
    page.get_by_role("button", name="Send again").press("Enter")
    expect(page.locator("#log tbody tr")).to_contain_text("Pending")
    send()
    expect(page.locator("#log tbody tr")).to_contain_text("Sent")
    assert len({got.id for got in receiver.requests}) == 1

    page.get_by_role("link", name="Notifications", exact=True).first.press("Enter")
    expect(page.locator("#own tbody tr")).to_contain_text("Team chat")
    assert faults(page) == []
