"""The page that asks before a failed creation is cleaned up."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.environments.models.deployments import Deployment
from tests.builders import make_user
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def test_it_says_what_is_deleted_and_how_long_it_takes(client: Client) -> None:
    failed = scenes.rolled_back("lost")
    client.force_login(make_user("ana", is_superuser=True))

    shown = page(client.get(f"/deployments/{failed.pk}/clean-up")).one("main")

    assert "CloudFormation deletes the stack sanso-lost with the" in shown.one(id="consequence").text
    assert "cannot be undone" in shown.one(id="consequence").text
    assert shown.one(id="takes").text.startswith("Takes ")
    assert not Deployment.objects.filter(kind="delete").exists()
    client.post(shown.one("form")["action"])
    assert Deployment.objects.filter(kind="delete").exists()


def test_where_there_is_nothing_to_clean_up_it_says_so(client: Client) -> None:
    good = scenes.succeeded("prod")
    client.force_login(make_user("ana", is_superuser=True))

    shown = page(client.get(f"/deployments/{good.pk}/clean-up")).one("main")

    assert "There is nothing to clean up" in shown.text
    assert not shown.all("form")


def test_who_may_only_look_is_not_asked(client: Client) -> None:
    failed = scenes.rolled_back("lost")
    client.force_login(make_user("reader"))

    assert client.get(f"/deployments/{failed.pk}/clean-up").status_code == 403
