"""The loop that publishes due rows as messages. It decides from the database alone; several may run.

Redis may be unavailable or empty: a row whose message was lost is due again when its lease ends, and a row
that could not be published is made due again at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from celery import Task
from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from deployments import tasks
from deployments.accounts.models import ConnectionTest
from deployments.accounts.steps import account_roles, daily_tests
from deployments.administration.models.sessions import UserSession
from deployments.audit.steps import chain, retention
from deployments.common import kept_connections
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.first_contact.models import ContactRun
from deployments.health.models.observing import Observer
from deployments.health.steps import observe
from deployments.notifications.models import Delivery
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.steps import schedule as drill_schedule
from deployments.stacks.models.action_requests import ActionRequest
from deployments.template_sets.models.sources import TemplateFetch
from deployments.template_sets.shared import versions
from deployments.template_sets.steps import fetch

log = logging.getLogger(__name__)

PAUSE_WITHOUT_BROKER = timedelta(seconds=2)
OBSERVER_INTERVAL = 2.0
"""Seconds between two searches for accounts without observers, and for template sets to fetch."""
CLEANUP_INTERVAL = 60.0
"""Minimum of seconds between two batches that delete old rows, while no row is due."""
AUDIT_INTERVAL = 2.0
"""Seconds between two looks for audit records that are not chained yet."""
RECORD_INTERVAL = 60.0
"""Seconds between two looks at the files of the bundled template set, for accounts to read or test, and for
monthly drills that are due."""


@cache
def kinds() -> tuple[tuple[QuerySet[Any], Task[Any, Any]], ...]:
    """Return the rows that have steps, each with the task that takes one."""
    return (
        (Deployment.objects.active(), tasks.step_deployment),
        (Environment.objects.observed(), tasks.step_environment),
        (ActionRequest.objects.active(), tasks.step_action_request),
        (Observer.objects.all(), tasks.step_observer),
        (TemplateFetch.objects.active(), tasks.fetch_template_set),
        (UserSession.objects.of_provider(), tasks.check_session),
        (Delivery.objects.pending(), tasks.send_notification),
        (ConnectionTest.objects.active(), tasks.test_connection),
        (RestoreDrill.objects.active(), tasks.step_restore_drill),
        (ContactRun.objects.active(), tasks.step_first_contact),
    )


@cache
def due_kinds() -> leases.DueKinds:
    """Return the query for those that have due rows."""
    return leases.DueKinds(rows for rows, _task in kinds())


def one_pass() -> int:
    """Claim every due row and publish its step. Return the number of published messages."""
    published = 0
    lease = timedelta(seconds=settings.SANSO_TICK_LEASE)
    for number in due_kinds().read(timezone.now()):
        rows, task = kinds()[number]
        for pk, version in leases.claim_due(rows, timezone.now(), lease):
            try:
                task.apply_async((pk, version), expires=settings.SANSO_TICK_LEASE, retry=False)
            except (OperationalError, OSError) as exc:
                log.warning("the broker does not accept messages: %s", exc)
                rows.filter(pk=pk, version=version).update(due_at=timezone.now() + PAUSE_WITHOUT_BROKER)
                return published
            published += 1
    return published


def _publish(task: Task[Any, Any], expires: float) -> None:
    """Publish a task that has no row; one that is lost is published again."""
    try:
        task.apply_async(expires=expires, retry=False)
    except (OperationalError, OSError) as exc:
        log.warning("the broker does not accept messages: %s", exc)


def run(stop: threading.Event, beat: Callable[[], object] = lambda: None) -> None:
    """Make passes until `stop` is set. While the database is unavailable, wait for it."""
    searched_at = cleaned_at = time.monotonic() - CLEANUP_INTERVAL
    recorded_at = time.monotonic() - RECORD_INTERVAL
    chained_at = time.monotonic() - AUDIT_INTERVAL
    while not stop.is_set():
        kept_connections.check_connections()
        try:
            if time.monotonic() - searched_at > OBSERVER_INTERVAL:
                searched_at = time.monotonic()
                observe.ensure_observers()
                fetch.request_scheduled(timezone.now())
            if time.monotonic() - recorded_at > RECORD_INTERVAL:
                recorded_at = time.monotonic()
                if versions.record_current():
                    _publish(tasks.lint_bundled_set, RECORD_INTERVAL)
                if account_roles.are_due():
                    _publish(tasks.read_account_roles, RECORD_INTERVAL)
                daily_tests.request_due(timezone.now())
                drill_schedule.begin_due(timezone.now())
                retention.remove_old()
                chain.anchor()
            if time.monotonic() - chained_at > AUDIT_INTERVAL:
                chained_at = time.monotonic()
                chain.chain_all()
            if not one_pass() and time.monotonic() - cleaned_at > CLEANUP_INTERVAL:
                cleaned_at = time.monotonic()
                _publish(tasks.tidy, CLEANUP_INTERVAL)
            beat()
        except DatabaseError as exc:
            log.warning("the database does not respond: %s", exc)
            stop.wait(1.0)
        stop.wait(settings.SANSO_DISPATCH_INTERVAL)
