"""The maintenance of databases in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.health.models.maintenance import DatabaseMaintenance, PendingMaintenance
from tests.api.clients import Program
from tests.health_builders import make_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(operator: User) -> Environment:
    return make_whole("shop", owner=operator)


def test_maintenance_has_versions_support_and_pending_actions(program: Program, shop: Environment) -> None:
    now = timezone.now()
    DatabaseMaintenance.objects.update(standard_support_ends_at=now + timedelta(days=20))
    for number in (2, 1):
        PendingMaintenance.objects.create(
            environment=shop,
            cluster_id="site-cluster",
            instance_id=f"site-{number}",
            action="os-upgrade",
            applies_at=now + timedelta(days=number),
            observed_at=now,
        )

    found = program.get(f"/environments/{shop.pk}/maintenance").json()

    (cluster,) = found["clusters"]
    assert (cluster["cluster"], cluster["engine_version"]) == ("site-cluster", "8.0.mysql_aurora.3.10.0")
    assert cluster["newer_versions"] == ["8.0.mysql_aurora.3.10.6", "8.0.mysql_aurora.3.12.0"]
    assert cluster["support"] == "ending"
    assert [one["instance"] for one in cluster["pending"]] == ["site-1", "site-2"]
    administrator, of_stack = found["secrets"]
    assert (administrator["cluster"], administrator["rotates"]) == ("site-cluster", True)
    assert (of_stack["name"], of_stack["cluster"], of_stack["rotates_at"]) == ("sanso-site-datelog", "", None)
    assert {one["name"]: one["problem"] for one in found["sources"]} == {"maintenance": ""}


def test_before_the_first_poll_there_is_nothing(program: Program, shop: Environment) -> None:
    DatabaseMaintenance.objects.all().delete()

    assert program.get(f"/environments/{shop.pk}/maintenance").json()["clusters"] == []
