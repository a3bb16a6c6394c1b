"""The chart of the reads of the site: median and p95, the share that failed, and deployments as marks.

Where nothing was measured, the lines have gaps: an interval is drawn over its own minutes only, and one
without durations (all reads failed, or an earlier version wrote it) has no line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from deployments.environments.models.deployments import Deployment
from deployments.health.display.chart_axis import ChartAxis, axis_top, deployment_name, percent
from deployments.health.models.site import SiteReads
from deployments.health.rules.site_reads import percentile

INTERVAL = timedelta(minutes=5)
FAILED_TOP, FAILED_HEIGHT = 132, 20
"""The strip of failures below the lines: its whole height is an interval in which every read failed."""
MEDIAN, P95 = 0.5, 0.95


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

    intervals: Sequence[ReadsInterval]
    deployments: Sequence[Deployment]
    axis: ChartAxis
    top: int
    median: str
    p95: str
    failures: Sequence[tuple[str, str, int, int]]
    marks: Sequence[tuple[str, str]]
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
    axis = ChartAxis(start=start, now=now)
    top = axis_top(max((one.p95 or 0.0 for one in intervals), default=0.0))
    return SiteChart(
        intervals=intervals,
        deployments=deployments,
        axis=axis,
        top=top,
        median=axis.path(((one.begin, one.end, one.median) for one in intervals), top),
        p95=axis.path(((one.begin, one.end, one.p95) for one in intervals), top),
        failures=[_failure(one, axis) for one in intervals if one.failed],
        marks=axis.marks(deployments),
        label=_label(intervals, deployments),
    )


def _failure(one: ReadsInterval, axis: ChartAxis) -> tuple[str, str, int, int]:
    """Return a bar (left, width, top, height): as high as the share that failed, but never invisible."""
    height = max(2, round(FAILED_HEIGHT * one.failed / one.reads))
    width = max(0.008, axis.share(one.end) - axis.share(one.begin))
    return axis.percent(one.begin), percent(width), FAILED_TOP + FAILED_HEIGHT - height, height


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
        text += " " + _("Deployments: %(names)s.") % {"names": ", ".join(map(deployment_name, deployments))}
    return text
