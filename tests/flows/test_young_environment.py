"""The health of a one-minute-old environment: its history begins at its creation."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.health.models.samples import WHOLE, HealthSample
from tests.flows.web import Web
from tests.health_builders import make_whole


def test_the_health_of_a_young_environment_begins_at_its_creation(
    page: Page, web: Web, operator: User, account: Account
) -> None:
    environment = make_whole(account=account, owner=operator)
    now = timezone.now()
    created = now - timedelta(minutes=1)
    Environment.objects.filter(pk=environment.pk).update(created_at=created)
    HealthSample.objects.of(environment).delete()
    for tier in (WHOLE, "web", "app"):
        for seconds, word, healthy in ((40, "unknown", 0), (20, "healthy", 2)):
            HealthSample.objects.create(
                environment=environment,
                tier=tier,
                at=now - timedelta(seconds=seconds),
                word=word,
                healthy=healthy,
                total=2,
            )

    page.goto(f"{web.url}/environments/{environment.pk}/history")

    period = page.locator(".periods > div").first
    expect(period.get_by_role("heading")).to_have_text("Since creation")
    begins = period.locator(".ends time").get_attribute("datetime") or ""
    assert begins.startswith(f"{created:%Y-%m-%dT%H:%M:%S}")
    assert set(period.locator("dd.number").all_inner_texts()) == {"100 %"}
    expect(page.get_by_text("Last 24 hours")).to_have_count(0)
    page.goto(f"{web.url}/environments/{environment.pk}/")
    expect(page.locator("#environment")).not_to_contain_text("99.9")
