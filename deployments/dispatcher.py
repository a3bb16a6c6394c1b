"""The loop that turns due rows into messages. Safe to run twice; needs only the database to decide.

Redis may be gone or empty: a row whose message was lost comes back when its lease ends, and a row that
could not be published is made due again at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import Task
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from deployments import tasks
from deployments.models import ActionRequest, Deployment, Environment, Observer, leases
from deployments.runner import observe

log = logging.getLogger(__name__)

PAUSE_WITHOUT_BROKER = timedelta(seconds=2)
NEWCOMERS = 2.0
"""Seconds between two looks for accounts that nobody observes yet."""
TIDY = 60.0
"""Seconds between two batches of what is forgotten, when there is nothing else to do."""


def one_pass() -> int:
    """Claim every due row and publish its tick. Return how many were published."""
    published = 0
    kinds: list[tuple[QuerySet[Any], Task[Any, Any]]] = [
        (Deployment.objects.active(), tasks.tick_deployment),
        (Environment.objects.observed(), tasks.tick_environment),
        (ActionRequest.objects.active(), tasks.tick_operation),
        (Observer.objects.all(), tasks.tick_observer),
    ]
    lease = timedelta(seconds=settings.SANSO_TICK_LEASE)
    for rows, task in kinds:
        for pk, version in leases.claim_due(rows, timezone.now(), lease):
            try:
                task.apply_async((pk, version), expires=settings.SANSO_TICK_LEASE, retry=False)
            except (OperationalError, OSError) as exc:
                log.warning("the broker takes no messages: %s", exc)
                rows.filter(pk=pk, version=version).update(due_at=timezone.now() + PAUSE_WITHOUT_BROKER)
                return published
            published += 1
    return published


def _publish_tidying() -> None:
    try:
        tasks.tidy.apply_async(expires=TIDY, retry=False)
    except (OperationalError, OSError) as exc:
        log.warning("the broker takes no messages: %s", exc)


def run(stop: threading.Event, beat: Callable[[], object] = lambda: None) -> None:
    """Make passes until `stop` is set. A database that is away is waited for."""
    newcomers = tidied = time.monotonic() - TIDY
    while not stop.is_set():
        close_old_connections()
        try:
            if time.monotonic() - newcomers > NEWCOMERS:
                newcomers = time.monotonic()
                observe.ensure_observers()
            if not one_pass() and time.monotonic() - tidied > TIDY:
                tidied = time.monotonic()
                _publish_tidying()
            beat()
        except DatabaseError as exc:
            log.warning("the database does not answer: %s", exc)
            stop.wait(1.0)
        stop.wait(settings.SANSO_DISPATCH_INTERVAL)
