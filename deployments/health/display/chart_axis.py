"""What the charts of an environment share: places along the time, an axis from 0, and lines with gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.common.pages.datetime_formats import zone_name
from deployments.environments.models.deployments import Deployment

HEIGHT, WIDTH = 120, 1000
"""The lines' area: pixels high, and units wide; the page stretches the units over its width."""
_ROUND = (10, 20, 40, 60, 80, 100)
"""The tops of the axis, times a power of ten: their halves are whole numbers, too."""
_NEAR_AN_END = 18
"""Percent of the width in which the labels of the ends leave no place for a full hour's."""
Step = tuple[datetime, datetime, float | None]
"""A value between two times; None if it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartAxis:
    """The horizontal axis of a chart between two times."""

    start: datetime
    now: datetime

    def share(self, at: datetime) -> float:
        """Return the place of a time between the ends, 0 to 1."""
        whole = max((self.now - self.start).total_seconds(), 1.0)
        return min(1.0, max(0.0, (at - self.start).total_seconds() / whole))

    def percent(self, at: datetime) -> str:
        """Return the same as an SVG length."""
        return percent(self.share(at))

    @property
    def hours(self) -> list[tuple[str, str]]:
        """Return the full local hours whose labels do not touch those of the ends."""
        at = timezone.localtime(self.start).replace(minute=0, second=0, microsecond=0)
        found = []
        while (at := at + timedelta(hours=1)) < self.now:
            if _NEAR_AN_END <= 100 * self.share(at) <= 100 - 2 * _NEAR_AN_END:
                found.append((self.percent(at), f"{at:%H:%M}"))
        return found

    @property
    def ends(self) -> tuple[str, str]:
        """Return the labels of the ends; the last one names the zone."""
        last = timezone.localtime(self.now)
        return f"{timezone.localtime(self.start):%H:%M}", f"{last:%H:%M} {zone_name(last)}"

    def path(self, steps: Iterable[Step], top: int) -> str:
        """Return the path of a line: level over each step, joined where no gap is between them."""
        parts: list[str] = []
        line_end: datetime | None = None
        for begin, end, value in steps:
            if value is None:
                continue
            x, right = round(WIDTH * self.share(begin), 1), round(WIDTH * self.share(end), 1)
            y = round(HEIGHT * (1 - value / top), 1)
            parts.append(f"V{y}H{right}" if begin == line_end else f"M{x} {y}H{right}")
            line_end = end
        return "".join(parts)

    def marks(self, deployments: Sequence[Deployment]) -> list[tuple[str, str]]:
        """Return the places and names of deployments."""
        return [(self.percent(one.began_at), deployment_name(one)) for one in deployments]


def axis_top(largest: float) -> int:
    """Return the round top of an axis from 0 that has place for a value."""
    power = 1
    while True:
        for number in _ROUND:
            if number * power >= largest:
                return number * power
        power *= 10


def percent(share: float) -> str:
    """Return a share as an SVG length."""
    return f"{100 * share:.2f}%"


def deployment_name(one: Deployment) -> str:
    """Return the name of a deployment in charts."""
    return f"{one.get_kind_display()} {one.pk}"
