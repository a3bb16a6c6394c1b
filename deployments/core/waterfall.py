"""Where the bars of a waterfall stand: fractions of one time axis that all rows share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployments.core.schedule import Span
from deployments.core.timeline import Interval

STEPS = (
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip
"""Seconds between two ticks that people can count in."""
MOST_TICKS = 8
ROOM = 0.04
"""How much of the axis stays empty after the last thing on it."""
LEAST = 10_000
"""Milliseconds that an axis spans at least."""
WEEK = 7 * 86_400_000


class Look(StrEnum):
    """What a bar stands for: what went on, what usually does, what is still to come."""

    RUN = "run"
    GHOST = "ghost"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from `left` on, `width` wide, as fractions of the axis. `status` is its CloudFormation word."""

    look: Look
    left: float
    width: float
    status: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis, so many seconds after the deployment's beginning."""

    at: float
    seconds: int


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time as wide as the page: epoch milliseconds, and where the line of "now" stands."""

    start: float
    end: float
    ticks: tuple[Tick, ...] = ()
    now: float | None = None

    def at(self, ms: float) -> float:
        """Return where a moment stands, from 0 to 1; what lies outside stands at the edge."""
        return min(1.0, max(0.0, (ms - self.start) / (self.end - self.start)))


def axis(
    begin: float,
    now: float,
    ends: Iterable[float | None] = (),
    *,
    running: bool = True,
    zoom: float | None = None,
) -> Axis:
    """Return the axis of a deployment that was asked for at `begin`.

    `ends` are what has to be on it: of bars, of expected ones. `zoom` shows that many of the last seconds
    up to now, with a little of what is to come.
    """
    begin, now = _sane(begin), _sane(now)
    last = max([begin + LEAST, now, *(min(_sane(e), begin + WEEK) for e in ends if e is not None)])
    start, end = begin, last + ROOM * (last - begin)
    if zoom is not None and math.isfinite(zoom) and 1000 * zoom < end - begin:
        width = max(LEAST, 1000 * zoom)
        end = min(end, now + width / 4)
        start = max(begin, end - width)
        end = max(end, start + LEAST)
    shown = Axis(start, end)
    return Axis(start, end, _ticks(shown, begin), shown.at(now) if running else None)


def _sane(ms: float) -> float:
    return min(max(float(ms), 0.0), 4e15) if math.isfinite(ms) else 0.0


def _ticks(shown: Axis, begin: float) -> tuple[Tick, ...]:
    seconds = (shown.end - shown.start) / 1000
    step = next((step for step in STEPS if seconds / step <= MOST_TICKS), 0)
    if not step:
        step = STEPS[-1] * math.ceil(seconds / STEPS[-1] / MOST_TICKS)
    first = math.ceil(max(0.0, shown.start - begin) / 1000 / step) or 1
    last = math.floor((shown.end - begin) / 1000 / step)
    found = (Tick(shown.at(begin + 1000 * n * step), n * step) for n in range(first, last + 1))
    return tuple(tick for tick in found if 0.0 < tick.at < 0.985)


def bars(
    shown: Axis,
    now: float,
    intervals: Sequence[Interval],
    *,
    usual_seconds: float | None = None,
    expected: Span | None = None,
) -> tuple[Bar, ...]:
    """Return the bars of one row, those behind first: the ghost of the usual, what went on, the rest.

    What is of no length, or outside the axis, has no bar, except a moment that is on it.
    """
    found = []
    begun = intervals[0].start if intervals else expected.start if expected else None
    if usual_seconds is not None and begun is not None and usual_seconds > 0:
        found += _bar(shown, Look.GHOST, begun, begun + 1000 * usual_seconds)
    for interval in intervals:
        end = max(now, interval.start) if interval.end is None else interval.end
        found += _bar(shown, Look.RUN, interval.start, end, interval.status)
    if expected is not None and expected.end is not None and not _over(intervals):
        status = intervals[-1].status if intervals else ""
        start = now if intervals else max(now, expected.start or now)
        found += _bar(shown, Look.REST, start, expected.end, status)
    return tuple(found)


def _over(intervals: Sequence[Interval]) -> bool:
    return bool(intervals) and intervals[-1].end is not None


def _bar(shown: Axis, look: Look, start: float, end: float, status: str = "") -> list[Bar]:
    start, end = _sane(start), _sane(end)
    if end < shown.start or start > shown.end or end < start or (end == start and look is not Look.RUN):
        return []
    left = shown.at(start)
    return [Bar(look, left, shown.at(end) - left, status)]
