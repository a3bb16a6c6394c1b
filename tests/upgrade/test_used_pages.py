"""Pages about the rows of the later release: one of each kind of environment and deployment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from deployments.environments.display.tab_urls import LABELS, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.upgrade.test_pages import answers, assert_all_ok

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def as_admin(upgraded_after_use: None) -> Iterator[Client]:
    client = Client(raise_request_exception=True)
    client.force_login(User.objects.get(username="admin"))
    with translation.override(translation.get_language()):
        yield client


def test_the_page_of_a_deployment_of_each_kind_can_be_opened(as_admin: Client) -> None:
    """The key of the fixture's secrets is lost here."""
    rows = Deployment.objects.filter(environment__account__sandbox_account_id__gt="000000000100")
    kinds = {(one.kind, one.state, one.last_phase): one for one in rows}

    assert_all_ok(answers(as_admin, (one.get_absolute_url() for one in kinds.values()), "ja"))


def test_the_tabs_of_environments_of_each_health_can_be_opened(as_admin: Client) -> None:
    rows = Environment.objects.filter(account__sandbox_account_id__gt="000000000100")
    kinds = {(one.health_word, one.stack_status): one for one in rows}

    assert_all_ok(answers(as_admin, (tab_url(one, tab) for one in kinds.values() for tab in LABELS), "ja"))
