"""Django's admin lists the servers of releases, read-only."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.errors import Message
from deployments.message_codes import Code
from deployments.models import ReleaseServer, ServerRelease
from tests.builders import make_deployment, make_environment, make_user
from tests.views.pages import page

pytestmark = pytest.mark.django_db


def test_the_servers_of_a_release_are_listed_and_not_changed() -> None:
    deployment = make_deployment(make_environment("shop"), kind="update")
    release = ServerRelease.objects.create(
        deployment=deployment, kind="code", group="group-1", association="a-1", started_at=timezone.now()
    )
    server = ReleaseServer.objects.create(
        release=release,
        instance_id="i-0123",
        stage="failed",
        stage_at=timezone.now(),
        message=Message(Code.RELEASE_NOT_DRAINED, {"server": "i-0123"}).as_json(),
    )
    browser = Client()
    browser.force_login(make_user("root", is_staff=True, is_superuser=True))

    listed = page(browser.get(reverse("admin:deployments_releaseserver_changelist")))
    assert "i-0123" in listed.text
    shown = browser.get(reverse("admin:deployments_releaseserver_change", args=[server.pk]))
    assert "did not leave its target groups" in page(shown).text
    assert browser.get(reverse("admin:deployments_releaseserver_add")).status_code == 403
