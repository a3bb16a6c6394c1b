"""Claim due rows: the column `due_at` is the queue, a lease is the claim, a version fences lost claims.

It works with every model that has the columns `due_at` (nullable) and `version`. A row whose `due_at` has
passed needs a step. The dispatcher moves `due_at` forward by the lease and publishes (pk, version); the step
claims the row by incrementing the version. If the worker dies, the row is due again when the lease ends. All
updates are compare-and-set, since SQLite has no SKIP LOCKED.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Model, QuerySet

BATCH = 500


def due(rows: QuerySet[Any], now: datetime) -> list[tuple[int, int, datetime]]:
    """Return (pk, version, due_at) of the rows that are due, longest overdue first."""
    overdue = rows.filter(due_at__lte=now).order_by("due_at")
    return list(overdue.values_list("pk", "version", "due_at")[:BATCH])


def claim_due(rows: QuerySet[Any], now: datetime, lease: timedelta) -> Iterator[tuple[int, int]]:
    """Claim every due row for one lease and yield (pk, version) of those that were won."""
    for pk, version, at in due(rows, now):
        if rows.filter(pk=pk, due_at=at).update(due_at=now + lease):
            yield pk, version


def hasten(rows: QuerySet[Any], now: datetime, lease: timedelta) -> None:
    """Make rows due now, except those whose step is in progress: another one follows it immediately.

    A due time further ahead than any step sets is a lease.
    """
    rows.filter(due_at__gt=now, due_at__lte=now + lease / 2).update(due_at=now)


def begin_step(rows: QuerySet[Any], pk: int, version: int) -> bool:
    """Begin the step that was published with `version`. Return False if it is stale or a duplicate."""
    return bool(rows.filter(pk=pk, version=version).update(version=F("version") + 1))


def end_step(row: Model, version: int, due_at: datetime | None) -> bool:
    """End a step and set when the next is due (None: never). Return False if the claim was lost."""
    rows = type(row)._default_manager.filter(pk=row.pk, version=version)
    return bool(rows.update(due_at=due_at))
