"""What the columns that came after the release say of its rows, and the pages that read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from deployments.core.operations import Operation
from deployments.models import Account, Approval, AuditRecord, Deployment, Environment, EnvironmentLock
from deployments.presentation.operations import ROUTES
from tests.upgrade.dump import Dump
from tests.views.pages import page

pytestmark = pytest.mark.timeout(600)
OF_DEPLOYMENTS: dict[str, object] = {
    "scheduled_for": None,
    "operation": "",
    "options": {},
    "keep_on_failure": False,
    "is_retry": False,
    "cancel_code": "",
    "cancel_requested_at": None,
    "cancel_accepted_at": None,
    "cancel_refusal": {},
    "applied_by": None,
}
OF_ENVIRONMENTS: dict[str, object] = {
    "requires_approval": False,
    "skipped": [],
    "stuck": {},
    "known_stack": {},
    "changed_outside_at": None,
}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def as_admin(upgraded: None) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(User.objects.get(username="admin"))
    return client


def test_the_new_columns_say_that_nothing_of_it_was_used(dump: Dump, upgraded: None) -> None:
    released = {name for row in dump.records("deployments_deployment") for name in row}
    assert not released & OF_DEPLOYMENTS.keys()  # the release had none of them

    deployments = list(Deployment.objects.values(*OF_DEPLOYMENTS))
    environments = list(Environment.objects.values(*OF_ENVIRONMENTS))
    assert deployments == [OF_DEPLOYMENTS] * len(deployments)
    assert environments == [OF_ENVIRONMENTS] * len(environments)
    assert set(Account.objects.values_list("boundary_arn", flat=True)) == {""}
    for model in (Approval, AuditRecord, EnvironmentLock):
        assert not model._default_manager.exists()


def test_each_environment_offers_what_its_stack_allows_and_each_offer_opens(as_admin: Client) -> None:
    offered: set[str] = set()
    for environment in Environment.objects.for_page().filter(deleted_at=None):
        shown = page(as_admin.get(environment.get_absolute_url()))
        links = {one.attributes.get("href") for one in shown.all("a")}
        for operation, name in ROUTES.items():
            address = reverse(name, args=[environment.pk])
            if address in links:
                offered.add(operation)
                opened = as_admin.get(address, follow=True)
                assert opened.status_code == 200, (environment, operation)
    assert {Operation.CHANGE, Operation.DELETE} <= offered


def test_what_was_in_progress_can_be_canceled_or_says_why_not(as_admin: Client) -> None:
    active = Deployment.objects.active()
    assert active
    for deployment in active:
        shown = page(as_admin.get(reverse("deployment_cancel", args=[deployment.pk]), follow=True))
        assert deployment.environment.name in shown.one("main").text, deployment
