"""Claim due rows: the column `due_at` is the queue, a lease is the claim, a version fences lost claims.

It works with every model that has the columns `due_at` (nullable) and `version`. A row whose `due_at` has
passed needs a step. The dispatcher moves `due_at` forward by the lease and publishes (pk, version); the step
claims the row by incrementing the version. If the worker dies, the row is due again when the lease ends. All
updates are compare-and-set, since SQLite has no SKIP LOCKED.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression, F, IntegerField, Model, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

BATCH = 500


class _Moment(Expression):
    """The time for which a compiled query is executed: it stands among the parameters."""

    output_field = DateTimeField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        return "%s", (self,)


class DueKinds:
    """Which of several querysets have due rows, read by one query that is compiled once.

    Compiling it takes longer than the database takes to answer it, and the dispatcher sends it several times
    a second.
    """

    def __init__(self, kinds: Iterable[QuerySet[Any]]) -> None:
        first, *others = (
            rows.filter(due_at__lte=_Moment())
            .order_by()
            .annotate(number_of_kind=Value(number, output_field=IntegerField()))
            .values_list("number_of_kind")
            for number, rows in enumerate(kinds)
        )
        self._database = first.db
        # A union without ALL: each kind once, however many rows are due.
        compiler = first.union(*others).query.get_compiler(self._database)
        self._sql, self._parameters = compiler.as_sql()

    def read(self, now: datetime) -> list[int]:
        """Return the numbers of the querysets that have due rows, in their order."""
        connection = connections[self._database]
        moment = connection.ops.adapt_datetimefield_value(now)
        values = [moment if isinstance(value, _Moment) else value for value in self._parameters]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, values)
            return sorted({number for (number,) in cursor.fetchall()})


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
