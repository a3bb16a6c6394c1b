"""When the next monthly drill is due, and of which database."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

_NEVER = datetime.min.replace(tzinfo=UTC)


def a_month_later(at: datetime) -> datetime:
    """Return the same time of the same day in the next month, or of its last day, in UTC."""
    utc = at.astimezone(UTC)
    year, month = (utc.year + 1, 1) if utc.month == 12 else (utc.year, utc.month + 1)
    return utc.replace(year=year, month=month, day=min(utc.day, monthrange(year, month)[1]))


def first_due(last_began: datetime | None, now: datetime) -> datetime:
    """Return when the first drill of a schedule is due: at once, or a month after the last one."""
    return max(now, a_month_later(last_began)) if last_began else now


def longest_ago(databases: Sequence[str], last_began: Mapping[str, datetime]) -> str:
    """Return the database whose last drill began first; the first one without any, if there is one."""
    return min(databases, key=lambda one: last_began.get(one, _NEVER))
