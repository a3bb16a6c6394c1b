"""Which periods of a database's metrics are read, and what remains of old ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

PERIOD = timedelta(minutes=5)
"""Each number is the maximum of a metric in this time."""
BACKFILL = timedelta(hours=3)
"""How far back the first poll reads, and any poll after a longer pause."""
LATE = timedelta(minutes=10)
"""Metrics arrive a minute or two late: the periods that had just begun at the last poll are read again."""
THINNED = timedelta(hours=1)
"""The period of the numbers that are older than a day."""


def begin_of(at: datetime, period: timedelta = PERIOD) -> datetime:
    """Return when the period that contains a time began."""
    seconds = period.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def read_from(observed_at: datetime | None, now: datetime) -> datetime:
    """Return the begin of the first period to read after the last successful poll."""
    earliest = now - BACKFILL
    return begin_of(earliest if observed_at is None else max(earliest, observed_at - LATE))


def maximum(values: Iterable[float | None]) -> float | None:
    """Return the maximum of the known values; None without any."""
    return max((value for value in values if value is not None), default=None)
