"""Times are in the browser's time zone, which is named; tooltips and exports have UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from deployments.deployment_pages.pages import event_export
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.builders import make_deployment, make_environment, make_event, make_operator

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 24, 14, 5, 9, tzinfo=UTC)


@pytest.fixture
def deployment() -> Deployment:
    found = make_deployment(make_environment("staging"), state="succeeded", ended_at=AT)
    make_event(found, 1, at=AT)
    return found


def browser(zone: str = "", language: str = "en") -> Client:
    """Return a logged-in browser, with its time zone in a cookie."""
    client = Client(headers={"accept-language": language})
    user = make_operator()
    client.force_login(user)
    if zone:
        client.cookies["sanso_zone"] = zone
    return client


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_times_are_shown_in_the_zone_of_the_browser_with_utc_on_hover(
    deployment: Deployment, language: str
) -> None:
    shown = text(browser("Asia/Tokyo", language), deployment.get_absolute_url())

    utc = "2026-11-24T14:05:09Z"
    assert f'<time datetime="{utc}" title="{utc}">2026-11-24 23:05:09 JST' in shown
    assert 'data-zone="Asia/Tokyo"' in shown
    log = text(browser("Asia/Tokyo", language), deployment.get_absolute_url() + "?tab=events")
    found = re.search(r'<time datetime="([^"]+)" title="([^"]+)">\s*23:05:09', log)
    assert found
    assert found.groups() == ("2026-11-24T14:05:09Z", "2026-11-24 23:05:09 JST · 2026-11-24T14:05:09Z")


def test_a_browser_that_has_not_told_its_zone_gets_the_servers(deployment: Deployment) -> None:
    assert "2026-11-24 14:05:09 UTC" in text(browser(), deployment.get_absolute_url())


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "x" * 5000, "Asia", "\x00"])
def test_a_zone_that_does_not_exist_is_not_looked_for(deployment: Deployment, zone: str) -> None:
    assert "2026-11-24 14:05:09 UTC" in text(browser(zone), deployment.get_absolute_url())


def test_the_zone_of_one_browser_does_not_stay_for_the_next(deployment: Deployment) -> None:
    assert "JST" in text(browser("Asia/Tokyo"), deployment.get_absolute_url())
    assert "JST" not in text(browser(), deployment.get_absolute_url())


def test_exports_keep_utc(deployment: Deployment) -> None:
    (event,) = Event.objects.of(deployment).plain()
    with timezone.override("Asia/Tokyo"):
        assert "2026-11-24T14:05:09.000Z" in event_export.row(event)
