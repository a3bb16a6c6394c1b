"""Changes that environments of the release support, and the texts that explain the unsupported ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import DeployedSet
from tests.pages.pages import page

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def as_admin(upgraded: None) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(User.objects.get(username="admin"))
    return client


def changeable() -> list[Environment]:
    """Return the environments whose last deployment can be changed."""
    rows = Environment.objects.for_page().filter(deleted_at=None, missing_since=None)
    return [one for one in rows if one.stack_status == "CREATE_COMPLETE" and base_of(one)]


def other_set(deployment: Deployment) -> bool:
    """Return whether a deployment used another template set than the current one."""
    return deployment.template_digest != template_files.load(settings.SANSO_TEMPLATE_SET).digest


def test_the_release_stored_no_template_sets_and_has_environments_to_change(
    as_admin: Client,
) -> None:
    assert not DeployedSet.objects.exists()
    assert changeable()


def test_the_form_of_a_change_has_the_stored_values_and_says_which_set_is_missing(as_admin: Client) -> None:
    for environment in changeable():
        base = base_of(environment)
        assert base is not None
        shown = page(as_admin.get(reverse("environment_change", args=[environment.pk])))
        text = f"The template set of deployment {base.pk} is not stored"
        assert (text in shown.text) is other_set(base), environment
        known = {**environment.parameters, **base.parameters}
        assert known
        for name, value in known.items():
            for field in shown.all(id=f"id_parameter_{name}"):
                if "value" in field.attributes:
                    assert field.attributes["value"] == value, name


def test_the_history_says_what_cannot_be_gone_back_to(as_admin: Client) -> None:
    text = "Cannot be rolled back to: an earlier version of Sanso did not store its template set"
    asked = 0
    for environment in changeable():
        rows = page(as_admin.get(f"{environment.get_absolute_url()}history"))
        good = Deployment.objects.good_of(environment.pk).exclude(pk=environment.latest_id or 0)
        for one in good:
            asked += 1
            row = rows.one(id=f"deployment-{one.pk}")
            assert (text in row.text) is other_set(one)
    for one in Deployment.objects.filter(kind="create", state="succeeded"):
        if other_set(one) and one.environment in changeable():
            asked += 1
            sent = {"request_key": str(uuid.uuid4())}
            answer = as_admin.post(reverse("deployment_roll_back", args=[one.pk]), sent, follow=True)
            assert "is not stored: an earlier version of Sanso did not" in page(answer).text
    assert asked
