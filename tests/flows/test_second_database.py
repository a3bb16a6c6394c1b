"""The pages of an environment with two databases in a real browser: accessible on the way to a deletion."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster, DatabaseMember
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.health_builders import make_whole

pytestmark = pytest.mark.timeout(300)
SWITCHED = {"Databases": "both", "ActiveDatabase": "B", "DatabaseSnapshotB": "sanso-shop-kept"}
EMPTIED = SWITCHED | {"UnprotectedDatabase": "A", "DatabaseWithoutInstances": "A"}


@pytest.fixture
def shop(operator: User) -> Environment:
    """An environment of the bundled set whose servers use its second database."""
    allow(operator, "change_environment")
    bundled = template_files.load(settings.SANSO_TEMPLATE_SET)
    stored_sets.keep(bundled)
    found = make_whole("shop", owner=operator)
    first = DatabaseCluster.objects.create(
        environment=found, cluster_id="first", status="available", observed_at=timezone.now()
    )
    for number in range(2):
        DatabaseMember.objects.create(
            cluster=first,
            instance_id=f"first-{number}",
            is_writer=number == 0,
            status="available",
            since=timezone.now(),
        )
    Environment.objects.filter(pk=found.pk).update(outputs={"DatabaseClusterId": "site-cluster"})
    Deployment.objects.filter(environment=found).update(
        template_digest=bundled.digest, last_phase="ready", ended_at=timezone.now()
    )
    return found


def with_values(environment: Environment, values: dict[str, str]) -> None:
    Environment.objects.filter(pk=environment.pk).update(parameters=values)
    Deployment.objects.filter(environment=environment).update(parameters=values)


def test_the_way_to_a_deletion_is_accessible(page: Page, web: Web, shop: Environment) -> None:
    with_values(shop, SWITCHED)
    page.goto(url(web, "environment_database", shop.pk))
    found = faults(page)
    page.locator("#delete-database").click()
    found += faults(page)
    assert "second change deletes" in page.locator("#consequence").inner_text()

    with_values(shop, EMPTIED)
    DatabaseMember.objects.filter(cluster__cluster_id="first").delete()
    page.goto(url(web, "environment_database", shop.pk))
    found += faults(page)
    page.locator("#keep-database").click()
    found += faults(page)
    page.go_back()
    page.locator("#delete-database").click()
    found += faults(page)
    assert "deletes the cluster of database A" in page.locator("#consequence").inner_text()
    assert not found
