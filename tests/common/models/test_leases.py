"""Leases: a due row is claimed once, and a step that has lost its claim cannot end it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment

LEASE = timedelta(seconds=30)


@pytest.mark.django_db
def test_a_due_row_is_claimed_for_the_lease_and_due_again_after_it() -> None:
    deployment, now = make_deployment(), timezone.now()
    rows = Deployment.objects.active()

    assert list(leases.claim_due(rows, now, LEASE)) == [(deployment.pk, 0)]
    assert list(leases.claim_due(rows, now, LEASE)) == []
    assert list(leases.claim_due(rows, now + LEASE, LEASE)) == [(deployment.pk, 0)]


@pytest.mark.django_db
def test_rows_that_are_not_due_are_not_claimed() -> None:
    now = timezone.now()
    make_deployment(due_at=now + timedelta(hours=1))
    make_deployment(state="failed")
    overdue = make_deployment(due_at=now - timedelta(hours=1))
    due = make_deployment(due_at=now)

    claimed = [pk for pk, _version in leases.claim_due(Deployment.objects.all(), now, LEASE)]

    assert claimed == [overdue.pk, due.pk]


@pytest.mark.django_db
def test_the_kinds_that_have_due_rows_are_known_by_one_query() -> None:
    now = timezone.now()
    make_deployment(due_at=now - timedelta(minutes=1))
    make_deployment(due_at=now - timedelta(minutes=1))
    make_environment(due_at=now + timedelta(microseconds=1))
    observed, active = Environment.objects.observed(), Deployment.objects.active()
    ended = Deployment.objects.exclude(ended_at=None)
    kinds = leases.DueKinds((observed, active, ended))

    assert kinds.read(now) == [1]
    assert kinds.read(now + timedelta(microseconds=1)) == [0, 1]
    assert kinds.read(now - timedelta(hours=1)) == []
    assert leases.DueKinds([active]).read(now) == [0]


@pytest.mark.django_db(transaction=True)
def test_concurrent_dispatchers_claim_each_row_once() -> None:
    deployments, now = [make_deployment() for _ in range(8)], timezone.now()
    barrier = threading.Barrier(4)
    claimed: list[int] = []

    def dispatch() -> None:
        barrier.wait()
        claimed.extend(pk for pk, _version in leases.claim_due(Deployment.objects.active(), now, LEASE))
        connection.close()

    threads = [threading.Thread(target=dispatch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claimed) == [deployment.pk for deployment in deployments]


@pytest.mark.django_db
def test_a_duplicate_or_stale_message_begins_no_step() -> None:
    deployment = make_deployment()
    rows = Deployment.objects.active()

    assert leases.begin_step(rows, deployment.pk, 0)
    assert not leases.begin_step(rows, deployment.pk, 0)


@pytest.mark.django_db
def test_a_step_that_has_lost_its_claim_cannot_end_it() -> None:
    deployment = make_deployment()
    leases.begin_step(Deployment.objects.active(), deployment.pk, 0)
    leases.begin_step(Deployment.objects.active(), deployment.pk, 1)

    assert not leases.end_step(deployment, 1, timezone.now())
    assert leases.end_step(deployment, 2, timezone.now())
