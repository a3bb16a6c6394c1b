"""Freezes of an account: weekly and one-off windows in their own time zones, and their ends.

If a wall time occurs twice because clocks go back, a window begins at the first and ends at the second
occurrence. A wall time that is skipped because clocks go forward is later by the same amount (PEP 495).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONGEST = timedelta(days=366)
"""Consecutive windows that last longer than this in total are shown without an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """From a weekday (0 is Monday) and time to the next occurrence of another, every week."""

    start_day: int
    start_time: time
    end_day: int
    end_time: time

    def around(self, today: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the wall times of the windows that may be in force on a day."""
        monday = today - timedelta(days=today.weekday())
        is_over_the_end = (self.end_day, self.end_time) <= (self.start_day, self.start_time)
        length = 7 if is_over_the_end else 0
        for week in (-7, 0, 7):
            start = monday + timedelta(days=week + self.start_day)
            end = monday + timedelta(days=week + length + self.end_day)
            yield datetime.combine(start, self.start_time), datetime.combine(end, self.end_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """From one wall time to another."""

    start: datetime
    end: datetime

    def around(self, _today: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the wall times of the window."""
        yield self.start, self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window with its name, the reason, and the time zone (IANA) of its wall times."""

    name: str
    reason: str
    zone: str
    times: Weekly | Once

    def end_at(self, now: datetime) -> datetime | None:
        """Return when the window ends if it is in force at a moment; None if it is not in force."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for start, end in self.times.around(today):
            if moment_of(start, zone) <= now < last_moment_of(end, zone):
                return last_moment_of(end, zone)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A freeze in force. `until` is None if windows follow each other without an end."""

    name: str
    reason: str
    until: datetime | None


def freeze_at(windows: Iterable[Window], now: datetime) -> Freeze | None:
    """Return the freeze at a moment; None if there is none.

    It ends when no window is in force any more; its name and reason come from the window in force at the
    moment that ends last.
    """
    known = list(windows)
    ends = [(end, window) for window in known if (end := window.end_at(now))]
    if not ends:
        return None
    until, shown = max(ends, key=lambda one: one[0])
    while later := [end for window in known if (end := window.end_at(until))]:
        until = max(later)
        if until - now > LONGEST:
            return Freeze(name=shown.name, reason=shown.reason, until=None)
    return Freeze(name=shown.name, reason=shown.reason, until=until)


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which a zone's clocks show a time, in UTC."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def last_moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the last moment at which a zone's clocks show a time, in UTC."""
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
