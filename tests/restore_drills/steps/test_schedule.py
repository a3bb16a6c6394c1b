"""Monthly drills begin when they are due, once, and never beside a change, a lock or another drill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.environments import Environment
from deployments.locks.commands.locks import lock_environment, unlock_environment
from deployments.restore_drills.commands import request_drill, schedule_drills
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.rules.schedule import a_month_later
from deployments.restore_drills.steps.schedule import begin_due
from tests.builders import make_deployment, make_operator
from tests.fakes import FakeAws
from tests.health_builders import make_whole
from tests.restore_drills.drilled import aws, environment, run_all

pytestmark = pytest.mark.django_db
__all__ = ["aws", "environment"]
SOON = timedelta(seconds=1)


@pytest.fixture
def ana() -> User:
    return make_operator("ana")


@pytest.fixture
def shop(ana: User) -> Environment:
    """A healthy environment with monthly drills, of which none has begun."""
    return schedule_drills(user=ana, environment=make_whole("shop", owner=ana), monthly=True)


def due_at(environment: Environment) -> datetime | None:
    environment.refresh_from_db()
    return environment.next_drill_at


def test_one_begins_at_once_and_then_every_month(aws: FakeAws, environment: Environment) -> None:
    schedule_drills(user=environment.owner, environment=environment, monthly=True)
    now = timezone.now() + SOON

    assert begin_due(now) == 1
    assert begin_due(now) == 0
    assert due_at(environment) == a_month_later(now)
    drill = run_all(aws)
    assert (drill.result, drill.requester, drill.requested_by) == ("passed", "Sanso", None)
    assert begin_due(a_month_later(now) - SOON) == 0
    assert begin_due(a_month_later(now)) == 1


def test_it_is_in_the_audit_log_without_a_person(shop: Environment) -> None:
    begin_due(timezone.now() + SOON)

    record = AuditRecord.objects.get(action="restore_drill")
    assert (record.user, record.environment, record.outcome) == (None, shop, "requested")
    assert record.details == {"cluster": "site-cluster", "by_schedule": True}


def test_a_drill_that_somebody_requested_counts_as_the_one_of_the_month(shop: Environment) -> None:
    before = timezone.now()
    request_drill(user=shop.owner, environment=shop)

    due = due_at(shop)
    assert due is not None
    assert due >= a_month_later(before)
    assert begin_due(timezone.now() + timedelta(days=1)) == 0


def test_a_schedule_after_a_drill_begins_a_month_after_it(ana: User) -> None:
    shop = make_whole("shop", owner=ana)
    drill = request_drill(user=ana, environment=shop)

    found = schedule_drills(user=ana, environment=shop, monthly=True)

    assert found.next_drill_at == a_month_later(drill.began_at)


def test_it_waits_for_a_lock(shop: Environment, ana: User) -> None:
    lock_environment(user=ana, environment=shop, reason="Audit")
    assert begin_due(timezone.now() + SOON) == 0

    unlock_environment(user=ana, environment=shop)
    assert begin_due(timezone.now() + SOON) == 1


def changing(shop: Environment) -> None:
    make_deployment(shop, kind="update", state="stacks")


def deleting(shop: Environment) -> None:
    make_deployment(shop, kind="delete", state="stacks")


def deleted(shop: Environment) -> None:
    Environment.objects.filter(pk=shop.pk).update(deleted_at=timezone.now())


def missing(shop: Environment) -> None:
    Environment.objects.filter(pk=shop.pk).update(missing_since=timezone.now(), missing_code="StackGone")


def without_database(shop: Environment) -> None:
    shop.clusters.all().delete()


@pytest.mark.parametrize("state", [changing, deleting, deleted, missing, without_database])
def test_none_begins_while_the_environment_cannot_have_one(
    shop: Environment, state: Callable[[Environment], None]
) -> None:
    state(shop)

    assert begin_due(timezone.now() + SOON) == 0
    assert not RestoreDrill.objects.exists()


def test_switched_off_none_begins(shop: Environment, ana: User) -> None:
    schedule_drills(user=ana, environment=shop, monthly=False)

    assert due_at(shop) is None
    assert begin_due(timezone.now() + timedelta(days=60)) == 0
    changes = AuditRecord.objects.filter(action="schedule_drills").order_by("pk")
    assert [one.after for one in changes] == [{"monthly": True}, {"monthly": False}]
