"""Every page about the release's rows, in both languages, and the pages of the admin."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from deployments.access.models.permissions import can
from deployments.access.rules.roles import ROLES, Right, Role
from deployments.environments.display.tab_urls import LABELS, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.models.stacks import Resource, Stack

pytestmark = pytest.mark.timeout(600)
LANGUAGES = [code for code, _name in settings.LANGUAGES]


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """Restore the language, since the test client keeps that of the last request."""
    with translation.override(translation.get_language()):
        yield


@pytest.fixture
def as_admin(upgraded: None) -> Client:
    return _logged_in("admin")


def test_the_users_of_the_release_can_do_what_they_could_and_no_more(upgraded: None) -> None:
    rights = {user.username: {right for right in Right if can(user, right)} for user in User.objects.all()}

    assert rights.pop("admin") == set(Right)
    assert rights.pop("viewer") == {Right.VIEW}
    # The release had one permission, to deploy: every right that it was split into, except for approving.
    more = {Right.REQUIRE_APPROVAL, Right.BREAK_LOCK, Right.FORCE_DELETE, Right.MANAGE_SETS}
    assert rights.pop("operator") == ROLES[Role.DEPLOYER] | more
    assert not rights


def _logged_in(username: str) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(User.objects.get(username=username))
    return client


def answers(client: Client, addresses: Iterator[str], language: str) -> dict[str, int]:
    """Return the status of each address, after redirects."""
    return {
        address: client.get(address, headers={"Accept-Language": language}, follow=True).status_code
        for address in addresses
    }


def of_environments() -> Iterator[str]:
    for environment in Environment.objects.all():
        yield from (f"{tab_url(environment, tab)}?all" for tab in LABELS)
        yield reverse("environment_incidents", args=[environment.pk])
        for name in ("environment_delete", "comparison"):
            yield reverse(name, args=[environment.pk])
    for run in AssociationRun.objects.select_related("association"):
        yield reverse("environment_output", args=[run.association.environment_id, run.pk])


def of_deployments() -> Iterator[str]:
    for deployment in Deployment.objects.all():
        yield deployment.get_absolute_url()
        yield f"{deployment.get_absolute_url()}?tab=events"


def of_requests_by_pages() -> Iterator[str]:
    """Yield the addresses that pages load, and exports, of one deployment in each state and phase."""
    for environment in Environment.objects.all():
        yield reverse("environment_health_history", args=[environment.pk])
    alike = {(one.kind, one.state, one.last_phase): one for one in Deployment.objects.all()}
    for deployment in alike.values():
        for name in ("event_lines", "deployment_updates"):
            yield reverse(name, args=[deployment.pk])
        for kind in ("csv", "json"):
            yield reverse("event_export", args=[deployment.pk, kind])
        if not deployment.is_active:
            yield reverse("replay_update", args=[deployment.pk]) + f"?until={deployment.last_seq}"
        yield reverse("environment_new") + f"?from={deployment.pk}"


def of_rows() -> Iterator[str]:
    """Yield the details of every root stack, and of a resource of each type and status."""
    for stack in Stack.objects.filter(path=""):
        yield reverse("deployment_rows", args=[stack.deployment_id])
    seen = set()
    for resource in Resource.objects.select_related("stack"):
        kind = (resource.type, resource.status)
        if kind not in seen:
            seen.add(kind)
            yield reverse("deployment_row", args=[resource.stack.deployment_id, resource.path])


def of_the_portal() -> Iterator[str]:
    for name in ("environments", "deployments", "recordings", "environment_new"):
        yield reverse(name)
    for query in ("?show=deleted", "?state=failed", "?q=guests"):
        yield reverse("environments") + query
        yield reverse("deployments") + query


def of_the_admin() -> Iterator[str]:
    yield reverse("admin:index")
    for model in apps.get_models():
        if admin.site.is_registered(model):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            yield reverse(f"{name}_changelist")
            for row in model._default_manager.order_by("pk")[:1]:
                yield reverse(f"{name}_change", args=[row.pk])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pages", [of_environments, of_deployments, of_the_portal, of_the_admin])
def test_every_page_can_be_opened_in_both_languages(
    as_admin: Client, pages: Callable[[], Iterator[str]], language: str
) -> None:
    assert_all_ok(answers(as_admin, pages(), language))


@pytest.mark.parametrize("requests", [of_requests_by_pages, of_rows])
def test_everything_that_pages_load_can_be_opened(
    as_admin: Client, requests: Callable[[], Iterator[str]]
) -> None:
    assert_all_ok(answers(as_admin, requests(), "ja"))


def assert_all_ok(found: dict[str, int]) -> None:
    assert len(found) > 5
    assert {address: status for address, status in found.items() if status != 200} == {}
