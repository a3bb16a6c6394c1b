"""Django's admin lists releases to servers and their servers, read-only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.releases.models import ReleaseServer, ServerRelease
from tests.builders import make_deployment, make_environment, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db
STARTED = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def browser(client: Client) -> Client:
    """A client that is logged in as an administrator."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def make_release(name: str, kind: str, **values: Any) -> ServerRelease:
    """Return a release of an environment with this name."""
    deployment = make_deployment(make_environment(name), kind="update", **values)
    return ServerRelease.objects.create(
        deployment=deployment, kind=kind, group="group-1", association="a-1", started_at=STARTED
    )


def list_of_releases(browser: Client, **query: str) -> list[str]:
    """Return the text of each row of the list."""
    listed = page(browser.get(reverse("admin:deployments_serverrelease_changelist"), query))
    return [row.text for table in listed.all(id="result_list") for row in table.one("tbody").all("tr")]


def test_releases_are_listed_with_version_state_and_servers(browser: Client) -> None:
    ended = STARTED + timedelta(minutes=9)
    failed = make_release(
        "shop", "code", state="failed", ended_at=ended, template_digest="0123456789abcdef" * 4
    )
    for position, (server, stage) in enumerate({"i-1": "done", "i-2": "failed"}.items()):
        ReleaseServer.objects.create(
            release=failed, instance_id=server, position=position, stage=stage, stage_at=STARTED
        )
    make_release("mall", "disruptive", state="servers")

    (newest, oldest) = list_of_releases(browser)
    assert "mall" in newest
    assert "Disruptive release" in newest
    for part in ("shop", "Code release", "01234567", "Failed", "i-1 ✓ Done", "i-2 ✕ Failed", "2026"):
        assert part in oldest, part


def test_releases_are_found_by_kind_state_and_environment(browser: Client) -> None:
    shop = make_release("shop", "code", state="failed")
    make_release("mall", "disruptive", state="servers")

    for query in (
        {"kind": "code"},
        {"deployment__state__exact": "failed"},
        {"deployment__environment__id__exact": str(shop.deployment.environment_id)},
        {"q": "shop"},
    ):
        (found,) = list_of_releases(browser, **query)
        assert "shop" in found


def test_a_release_shows_why_it_goes_back_and_cannot_be_changed(browser: Client) -> None:
    release = make_release("shop", "code", state="servers")
    failure = Message(Code.RELEASE_NOT_DRAINED, {"server": "i-0123"}).as_json()
    ServerRelease.objects.update(returning_at=STARTED, failed_server="i-0123", failure=failure)
    address = reverse("admin:deployments_serverrelease_change", args=[release.pk])

    shown = page(browser.get(address))
    assert "did not leave its target groups" in shown.text
    assert "Code release" in shown.text
    assert not shown.all("input", name="_save")
    assert browser.post(address, {"kind": "none"}).status_code == 403
    assert browser.get(reverse("admin:deployments_serverrelease_add")).status_code == 403


def test_releases_are_listed_in_a_constant_number_of_queries(browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            list_of_releases(browser)
        return len(found)

    make_release("shop", "code")
    few = queries()
    for number in range(5):
        release = make_release(f"shop-{number}", "code")
        ReleaseServer.objects.create(release=release, instance_id="i-1", stage_at=STARTED)

    assert queries() <= few + 1


def test_the_servers_of_a_release_are_listed_and_not_changed(browser: Client) -> None:
    release = make_release("shop", "code")
    server = ReleaseServer.objects.create(
        release=release,
        instance_id="i-0123",
        stage="failed",
        stage_at=STARTED,
        message=Message(Code.RELEASE_NOT_DRAINED, {"server": "i-0123"}).as_json(),
    )

    listed = page(browser.get(reverse("admin:deployments_releaseserver_changelist")))
    assert "i-0123" in listed.text
    release_url = reverse("admin:deployments_serverrelease_change", args=[release.pk])
    assert release_url in [link["href"] for link in listed.one(id="result_list").all("a")]
    shown = browser.get(reverse("admin:deployments_releaseserver_change", args=[server.pk]))
    assert "did not leave its target groups" in page(shown).text
    assert browser.get(reverse("admin:deployments_releaseserver_add")).status_code == 403
