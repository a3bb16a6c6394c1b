"""The loop that turns due rows into messages. Safe to run twice; needs only the database to decide.

Redis may be gone or empty: a row whose message was lost comes back when its lease ends, and a row that
could not be published is made due again at once.
"""

from __future__ import annotations

import logging
import threading
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
from deployments.models import Deployment, Environment, leases

log = logging.getLogger(__name__)

PAUSE_WITHOUT_BROKER = timedelta(seconds=2)


def one_pass() -> int:
    """Claim every due row and publish its tick. Returns how many were published."""
    published = 0
    kinds: list[tuple[QuerySet[Any], Task[Any, Any]]] = [
        (Deployment.objects.active(), tasks.tick_deployment),
        (Environment.objects.observed(), tasks.tick_environment),
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


def run(stop: threading.Event, beat: Callable[[], object] = lambda: None) -> None:
    """Make passes until `stop` is set. A database that is away is waited for."""
    while not stop.is_set():
        close_old_connections()
        try:
            one_pass()
            beat()
        except DatabaseError as exc:
            log.warning("the database does not answer: %s", exc)
            stop.wait(1.0)
        stop.wait(settings.SANSO_DISPATCH_INTERVAL)
