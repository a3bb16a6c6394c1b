"""The chart of the reads of the site: median and p95, the share that failed, and deployments as marks.

Where nothing was measured, the lines have gaps: an interval is drawn over its own minutes only, and one
without durations (all reads failed, or an earlier version wrote it) has no line. The axis begins at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.common.pages.datetime_formats import zone_name
from deployments.environments.models.deployments import Deployment
from deployments.health.models.site import SiteReads
from deployments.health.rules.site_reads import percentile

INTERVAL = timedelta(minutes=5)
HEIGHT, WIDTH = 120, 1000
"""The lines' area: pixels high, and units wide; the page stretches the units over its width."""
FAILED_TOP, FAILED_HEIGHT = 132, 20
"""The strip of failures below it: its whole height is an interval in which every read failed."""
MEDIAN, P95 = 0.5, 0.95
_ROUND = (10, 20, 40, 60, 80, 100)
"""The tops of the axis, times a power of ten: their halves are whole numbers, too."""
_NEAR_AN_END = 18
"""Percent of the width in which the labels of the ends leave no place for a full hour's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadsInterval:
    """The reads of up to five minutes; durations in milliseconds, None if none was measured."""

    begin: datetime
    end: datetime
    reads: int
    failed: int
    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChart:
    """What the template draws: positions along the time in percent, heights in pixels."""

    start: datetime
    intervals: Sequence[ReadsInterval]
    deployments: Sequence[Deployment]
    top: int
    median: str
    p95: str
    failures: Sequence[tuple[str, str, int, int]]
    marks: Sequence[tuple[str, str]]
    hours: Sequence[tuple[str, str]]
    ends: tuple[str, str]
    label: str

    @property
    def middle(self) -> int:
        """Return the value in the middle of the axis."""
        return self.top // 2


def intervals_of(rows: Iterable[SiteReads], start: datetime, now: datetime) -> list[ReadsInterval]:
    """Return the intervals of reads between two times, oldest first; those without a read are left out."""
    return [
        ReadsInterval(
            begin=max(row.start, start),
            end=min(row.start + INTERVAL, now),
            reads=row.reads,
            failed=row.failed,
            median=percentile([row.durations or {}], MEDIAN),
            p95=percentile([row.durations or {}], P95),
        )
        for row in sorted(rows, key=lambda row: row.start)
        if row.reads and row.start < now
    ]


def site_chart(
    intervals: Sequence[ReadsInterval], deployments: Sequence[Deployment], start: datetime, now: datetime
) -> SiteChart:
    """Return the chart of these intervals and of the deployments that began in its time, oldest first."""
    whole = max((now - start).total_seconds(), 1.0)

    def share(at: datetime) -> float:
        return min(1.0, max(0.0, (at - start).total_seconds() / whole))

    top = axis_top(max((one.p95 or 0.0 for one in intervals), default=0.0))
    return SiteChart(
        start=start,
        intervals=intervals,
        deployments=deployments,
        top=top,
        median=_path([(one, one.median) for one in intervals], share, top),
        p95=_path([(one, one.p95) for one in intervals], share, top),
        failures=[_failure(one, share) for one in intervals if one.failed],
        marks=[(_percent(share(one.began_at)), _name(one)) for one in deployments],
        hours=_hours(start, now, share),
        ends=(f"{timezone.localtime(start):%H:%M}", _with_zone(now)),
        label=_label(intervals, deployments),
    )


def axis_top(largest: float) -> int:
    """Return the round top of an axis from 0 that has place for a value."""
    power = 1
    while True:
        for number in _ROUND:
            if number * power >= largest:
                return number * power
        power *= 10


def _path(
    values: Sequence[tuple[ReadsInterval, float | None]], share: Callable[[datetime], float], top: int
) -> str:
    """Return the steps of a line: level over each interval, joined where no gap is between them."""
    parts: list[str] = []
    line_end: datetime | None = None
    for one, value in values:
        if value is None:
            continue
        x, end = round(WIDTH * share(one.begin), 1), round(WIDTH * share(one.end), 1)
        y = round(HEIGHT * (1 - value / top), 1)
        parts.append(f"V{y}H{end}" if one.begin == line_end else f"M{x} {y}H{end}")
        line_end = one.end
    return "".join(parts)


def _failure(one: ReadsInterval, share: Callable[[datetime], float]) -> tuple[str, str, int, int]:
    """Return a bar (left, width, top, height): as high as the share that failed, but never invisible."""
    height = max(2, round(FAILED_HEIGHT * one.failed / one.reads))
    width = max(0.008, share(one.end) - share(one.begin))
    return _percent(share(one.begin)), _percent(width), FAILED_TOP + FAILED_HEIGHT - height, height


def _hours(start: datetime, now: datetime, share: Callable[[datetime], float]) -> list[tuple[str, str]]:
    """Return the full local hours whose labels do not touch those of the ends."""
    at = timezone.localtime(start).replace(minute=0, second=0, microsecond=0)
    found = []
    while (at := at + timedelta(hours=1)) < now:
        if _NEAR_AN_END <= 100 * share(at) <= 100 - 2 * _NEAR_AN_END:
            found.append((_percent(share(at)), f"{at:%H:%M}"))
    return found


def _with_zone(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%H:%M} {zone_name(local)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _name(one: Deployment) -> str:
    return f"{one.get_kind_display()} {one.pk}"


def _label(intervals: Sequence[ReadsInterval], deployments: Sequence[Deployment]) -> str:
    medians = [one.median for one in intervals if one.median is not None]
    text = _("Latency of the site: %(failed)d of %(reads)d reads failed.") % {
        "failed": sum(one.failed for one in intervals),
        "reads": sum(one.reads for one in intervals),
    }
    if medians:
        text += " " + _("The medians of five minutes lie between %(low)d and %(high)d ms.") % {
            "low": round(min(medians)),
            "high": round(max(medians)),
        }
    if deployments:
        text += " " + _("Deployments: %(names)s.") % {"names": ", ".join(map(_name, deployments))}
    return text
