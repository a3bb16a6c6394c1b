"""The health history of an environment: a strip of 24 hours and of 7 days for each tier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.environments.display.badges import HEALTH
from deployments.environments.rules.health_status import SEVERITY, HealthStatus

Sample = tuple[str, datetime, str, int, int]  # tier, at, word, healthy, total
DAY, WEEK = timedelta(hours=24), timedelta(days=7)
SILENT_AFTER = {DAY: timedelta(minutes=20), WEEK: timedelta(hours=2)}
"""How long a sample is valid; after that the state is unknown until the next one."""
BAR_HEIGHTS = {
    HealthStatus.HEALTHY: 10,
    HealthStatus.DEGRADED: 16,
    HealthStatus.UNHEALTHY: 22,
    HealthStatus.UNKNOWN: 4,
}
STRIP_HEIGHT = 22


@dataclass(frozen=True, slots=True)
class HealthInterval:
    """An interval in which the state of a tier did not change."""

    state: HealthStatus
    start: datetime
    end: datetime
    healthy: int = 0
    total: int = 0

    @property
    def seconds(self) -> float:
        """Return its duration in seconds."""
        return (self.end - self.start).total_seconds()

    def overlaps(self, other: HealthInterval) -> bool:
        """Return whether both intervals overlap."""
        return self.start < other.end and self.end > other.start


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthStrip:
    """One tier's health history."""

    tier: str
    intervals: Sequence[HealthInterval]
    start: datetime
    end: datetime

    @property
    def percent(self) -> str:
        """Return the healthy share of the known time in percent; "" if nothing is known."""
        known = sum(one.seconds for one in self.intervals if one.state is not HealthStatus.UNKNOWN)
        healthy = sum(one.seconds for one in self.intervals if one.state is HealthStatus.HEALTHY)
        if not known:
            return ""
        if healthy == known:  # sums of the same numbers; their quotient times 100 is not always 100
            return "100 %"
        return f"{min(100 * healthy / known, 99.9):.1f} %"

    @property
    def incidents(self) -> list[HealthInterval]:
        """Return the intervals that were not healthy, newest first."""
        return [
            one
            for one in reversed(self.intervals)
            if one.state in (HealthStatus.DEGRADED, HealthStatus.UNHEALTHY)
        ]

    def svg(self, label: str) -> SafeString:
        """Return the strip as SVG bars: the worse the state, the higher the bar."""
        whole = (self.end - self.start).total_seconds()
        bars = format_html_join(
            "",
            '<rect class="is-{}" x="{}%" y="{}" width="{}%" height="{}"/>',
            (
                (
                    HEALTH[one.state][0],
                    round(100 * (one.start - self.start).total_seconds() / whole, 2),
                    STRIP_HEIGHT - BAR_HEIGHTS[one.state],
                    max(0.25, round(100 * one.seconds / whole, 2)),
                    BAR_HEIGHTS[one.state],
                )
                for one in self.intervals
            ),
        )
        return format_html(
            '<svg class="strip" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
            STRIP_HEIGHT,
            label,
            bars,
        )


def strips(
    samples: Iterable[Sample], tiers: Sequence[str], start: datetime, now: datetime, period: timedelta
) -> list[HealthStrip]:
    """Return a strip for each tier that was ever sampled since `start`; `samples` are oldest first."""
    by_tier: dict[str, list[Sample]] = {tier: [] for tier in tiers}
    for sample in samples:
        if sample[0] in by_tier:
            by_tier[sample[0]].append(sample)
    silent = SILENT_AFTER[period]
    return [
        HealthStrip(tier=tier, intervals=_intervals(found, start, now, silent), start=start, end=now)
        for tier, found in by_tier.items()
        if any(at > start - silent for _, at, *_rest in found)
    ]


def _intervals(
    samples: Sequence[Sample], start: datetime, end: datetime, silent: timedelta
) -> list[HealthInterval]:
    """Return the period without gaps: a sample is valid until the next one, but only for a limited time."""
    found: list[HealthInterval] = []
    at = start
    for number, (_tier, sampled_at, word, healthy, total) in enumerate(samples):
        until = samples[number + 1][1] if number + 1 < len(samples) else end
        first, last = max(sampled_at, start), min(until, sampled_at + silent, end)
        if last <= first:
            continue
        if first > at:
            _add(found, HealthInterval(HealthStatus.UNKNOWN, at, first))
        _add(found, HealthInterval(HealthStatus(word), first, last, healthy, total))
        at = last
    if at < end:
        _add(found, HealthInterval(HealthStatus.UNKNOWN, at, end))
    return found


def _add(found: list[HealthInterval], one: HealthInterval) -> None:
    if (
        found
        and found[-1].state is one.state
        and (found[-1].healthy, found[-1].total) == (one.healthy, one.total)
    ):
        found[-1] = HealthInterval(one.state, found[-1].start, one.end, one.healthy, one.total)
    else:
        found.append(one)


def merged(intervals: Iterable[HealthInterval]) -> list[HealthInterval]:
    """Return consecutive intervals merged, with their worst state; arguments and results are newest first."""
    found: list[HealthInterval] = []
    for one in intervals:
        if found and one.end == found[-1].start:
            later = found.pop()
            worst = max(one, later, key=lambda part: (SEVERITY[part.state], -part.healthy))
            one = HealthInterval(worst.state, one.start, later.end, worst.healthy, worst.total)
        found.append(one)
    return found


def period_name(period: timedelta, *, is_cut: bool = False) -> str:
    """Return the name of a period; a shortened one begins at the creation of the environment."""
    if is_cut:
        return _("Since creation")
    return _("Last 24 hours") if period == DAY else _("Last 7 days")
