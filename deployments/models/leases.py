"""Claiming due rows: the due column is the queue, a lease is the claim, a version fences who lost it.

Works on every model with `due_at` (nullable) and `version` columns. A row whose `due_at` has passed wants
a tick. The dispatcher pushes `due_at` ahead by the lease and publishes (pk, version); the tick takes the
row by moving the version on. A worker that dies leaves `due_at` at the end of the lease: expiry is the
reaper. Compare-and-set everywhere, since SQLite knows no SKIP LOCKED.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Model, QuerySet

BATCH = 500


def due(rows: QuerySet[Any], now: datetime) -> list[tuple[int, int, datetime]]:
    """Return (pk, version, due_at) of the rows that want a tick, longest overdue first."""
    wanted = rows.filter(due_at__lte=now).order_by("due_at")
    return list(wanted.values_list("pk", "version", "due_at")[:BATCH])


def claim_due(rows: QuerySet[Any], now: datetime, lease: timedelta) -> Iterator[tuple[int, int]]:
    """Claim every due row for one lease and yield (pk, version) of those that were won."""
    for pk, version, at in due(rows, now):
        if rows.filter(pk=pk, due_at=at).update(due_at=now + lease):
            yield pk, version


def begin_step(rows: QuerySet[Any], pk: int, version: int) -> bool:
    """Begin the tick that was published with `version`; False when it is stale or doubled."""
    return bool(rows.filter(pk=pk, version=version).update(version=F("version") + 1))


def end_step(row: Model, version: int, due_at: datetime | None) -> bool:
    """End a tick: say when the row wants the next one (None = never). False when the claim was lost."""
    rows = type(row)._default_manager.filter(pk=row.pk, version=version)
    return bool(rows.update(due_at=due_at))
