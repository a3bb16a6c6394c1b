"""The past of an environment's health: strips of 24 hours and 7 days per tier, and times to ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.core.health.rollup import HealthStatus
from deployments.presentation.badges import HEALTH

Sample = tuple[str, datetime, str, int, int]  # tier, at, word, healthy, total
DAY, WEEK = timedelta(hours=24), timedelta(days=7)
SILENT_AFTER = {DAY: timedelta(minutes=20), WEEK: timedelta(hours=2)}
"""How long a sample speaks for what follows it; nobody looked longer than that: unknown."""
HEIGHTS = {
    HealthStatus.HEALTHY: 10,
    HealthStatus.DEGRADED: 16,
    HealthStatus.UNHEALTHY: 22,
    HealthStatus.UNKNOWN: 4,
}
ROOM = 22


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time through which a tier stood the same way."""

    word: HealthStatus
    start: datetime
    end: datetime
    healthy: int = 0
    total: int = 0

    @property
    def seconds(self) -> float:
        """Return how long it was."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One tier's past."""

    tier: str
    stretches: Sequence[Stretch]
    start: datetime
    end: datetime

    @property
    def percent(self) -> str:
        """Return how much of the time that is known it was healthy; "" when nothing is known."""
        known = sum(one.seconds for one in self.stretches if one.word is not HealthStatus.UNKNOWN)
        healthy = sum(one.seconds for one in self.stretches if one.word is HealthStatus.HEALTHY)
        if not known:
            return ""
        share = 100 * healthy / known
        return f"{share:.0f} %" if share == 100 else f"{min(share, 99.9):.1f} %"

    @property
    def troubles(self) -> list[Stretch]:
        """Return the stretches that were not healthy, newest first."""
        return [
            one
            for one in reversed(self.stretches)
            if one.word in (HealthStatus.DEGRADED, HealthStatus.UNHEALTHY)
        ]

    def svg(self, label: str) -> SafeString:
        """Return it as bars: the worse, the higher."""
        whole = (self.end - self.start).total_seconds()
        bars = format_html_join(
            "",
            '<rect class="is-{}" x="{}%" y="{}" width="{}%" height="{}"/>',
            (
                (
                    HEALTH[one.word][0],
                    round(100 * (one.start - self.start).total_seconds() / whole, 2),
                    ROOM - HEIGHTS[one.word],
                    max(0.25, round(100 * one.seconds / whole, 2)),
                    HEIGHTS[one.word],
                )
                for one in self.stretches
            ),
        )
        return format_html(
            '<svg class="strip" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
            ROOM,
            label,
            bars,
        )


def strips(samples: Iterable[Sample], tiers: Sequence[str], now: datetime, period: timedelta) -> list[Strip]:
    """Return a strip for each tier that was ever sampled in the period; `samples` are oldest first."""
    by_tier: dict[str, list[Sample]] = {tier: [] for tier in tiers}
    for sample in samples:
        if sample[0] in by_tier:
            by_tier[sample[0]].append(sample)
    start, silent = now - period, SILENT_AFTER[period]
    return [
        Strip(tier=tier, stretches=_stretches(found, start, now, silent), start=start, end=now)
        for tier, found in by_tier.items()
        if any(at > start - silent for _, at, *_rest in found)
    ]


def _stretches(samples: Sequence[Sample], start: datetime, end: datetime, silent: timedelta) -> list[Stretch]:
    """Return the period without gaps: what a sample says holds until the next one, but not for ever."""
    found: list[Stretch] = []
    at = start
    for number, (_tier, said_at, word, healthy, total) in enumerate(samples):
        until = samples[number + 1][1] if number + 1 < len(samples) else end
        first, last = max(said_at, start), min(until, said_at + silent, end)
        if last <= first:
            continue
        if first > at:
            _add(found, Stretch(HealthStatus.UNKNOWN, at, first))
        _add(found, Stretch(HealthStatus(word), first, last, healthy, total))
        at = last
    if at < end:
        _add(found, Stretch(HealthStatus.UNKNOWN, at, end))
    return found


def _add(found: list[Stretch], one: Stretch) -> None:
    if (
        found
        and found[-1].word is one.word
        and (found[-1].healthy, found[-1].total) == (one.healthy, one.total)
    ):
        found[-1] = Stretch(one.word, found[-1].start, one.end, one.healthy, one.total)
    else:
        found.append(one)


def period_name(period: timedelta) -> str:
    """Return what a period is called."""
    return _("Last 24 hours") if period == DAY else _("Last 7 days")
