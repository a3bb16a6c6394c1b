"""Backups of databases and requested actions in the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.stacks.models.action_requests import ActionRequest
from tests.api.clients import Program
from tests.health_builders import make_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(operator: User) -> Environment:
    return make_whole("shop", owner=operator)


def test_backups_have_times_and_snapshots(program: Program, shop: Environment) -> None:
    found = program.get(f"/environments/{shop.pk}/backups").json()

    (cluster,) = found["clusters"]
    assert (cluster["cluster"], cluster["retention_days"]) == ("site-cluster", 7)
    assert cluster["backup_window"] == "17:00-17:30"
    assert cluster["earliest_restorable_at"] < cluster["latest_restorable_at"]
    (snapshot,) = cluster["snapshots"]
    assert (snapshot["cause"], snapshot["status"], snapshot["size_gib"]) == ("automated", "available", 3)
    assert {one["name"]: one["problem"] for one in found["sources"]} == {"database": "", "backups": ""}


def test_a_snapshot_is_requested_and_followed(program: Program, shop: Environment) -> None:
    requested = program.post(f"/environments/{shop.pk}/snapshots", {"cluster": "site-cluster"})

    assert requested.status_code == 202
    path = f"/environments/{shop.pk}/actions/{requested.json()['id']}"
    assert program.get(path).json()["kind"] == "take_snapshot"
    assert program.get(path).json()["ended_at"] is None

    ActionRequest.objects.update(state="done", ended_at=timezone.now())

    assert program.get(path).json()["state"] == "done"


def test_a_cluster_must_exist_and_be_named_if_there_are_several(program: Program, shop: Environment) -> None:
    unknown = program.post(f"/environments/{shop.pk}/snapshots", {"cluster": "other"})
    DatabaseCluster.objects.create(environment=shop, cluster_id="second", observed_at=timezone.now())
    unnamed = program.post(f"/environments/{shop.pk}/snapshots", {})

    assert (unknown.status_code, unknown.json()["code"]) == (409, "NoSuchCluster")
    assert (unnamed.status_code, unnamed.json()["code"]) == (409, "ClusterNotNamed")


def test_an_action_of_another_environment_is_not_found(program: Program, shop: Environment) -> None:
    requested = program.post(f"/environments/{shop.pk}/snapshots", {}).json()
    other = make_whole("other", owner=shop.owner, account=shop.account)

    assert program.get(f"/environments/{other.pk}/actions/{requested['id']}").status_code == 404
