"""The health history of an environment's page: its periods and incidents, and the times to ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.display import history, panels, site
from deployments.health.models.samples import WHOLE, HealthSample

TIMES_TO_READY, LATEST_INCIDENTS = 10, 5


def history_context(environment: Environment) -> dict[str, Any]:
    """Return the health strips, the reads of the site and the times to ready (six queries at most)."""
    now = timezone.now()
    rows = HealthSample.objects.of(environment).since(now - history.WEEK)
    samples = list(rows.values_list("tier", "at", "word", "healthy", "total"))
    return {
        "periods": [
            {
                **_period(samples, period, environment.created_at, now),
                "reads": site.reads_of_period(environment, now - period),
            }
            for period in _periods(environment.created_at, now)
        ],
        "times_to_ready": _times_to_ready(environment),
    }


def _periods(created: datetime, now: datetime) -> tuple[timedelta, ...]:
    """Return the periods to show: for an environment younger than a day, a week adds nothing."""
    return (history.DAY, history.WEEK) if created < now - history.DAY else (history.DAY,)


def _period(
    samples: Sequence[history.Sample], period: timedelta, created: datetime, now: datetime
) -> Mapping[str, Any]:
    start = max(now - period, created)
    found = history.strips(samples, (WHOLE, *panels.TIERS), start, now, period)
    name = history.period_name(period, is_cut=start == created)
    names = {
        strip.tier: _("Environment") if strip.tier == WHOLE else panels.tier_name(strip.tier)
        for strip in found
    }
    incidents = [(names[strip.tier], one) for strip in found for one in strip.incidents]
    return {
        "key": "day" if period == history.DAY else "week",
        "name": name,
        "start": start,
        "strips": [
            {
                "name": names[strip.tier],
                "percent": strip.percent,
                "svg": strip.svg(
                    _("%(part)s, %(period)s: healthy %(percent)s")
                    % {"part": names[strip.tier], "period": name, "percent": strip.percent or _("unknown")}
                ),
            }
            for strip in found
        ],
        "incidents": sorted(incidents, key=lambda pair: pair[1].start, reverse=True)[:50],
    }


def _times_to_ready(environment: Environment) -> list[Mapping[str, Any]]:
    rows = list(Deployment.objects.made_ready_in(environment.account_id)[:TIMES_TO_READY])
    took = [(row.ready_at - row.began_at).total_seconds() for row in rows if row.ready_at]
    longest = max(took, default=1) or 1
    return [
        {
            "deployment": row,
            "seconds": seconds,
            "svg": _bar(seconds / longest, row.environment_id == environment.pk),
        }
        for row, seconds in zip(rows, took, strict=True)
    ]


def _bar(share: float, is_own: bool) -> SafeString:
    return format_html(
        '<svg class="bar{}" width="100%" height="10" aria-hidden="true">'
        '<rect x="0" y="0" width="{}%" height="10" rx="2"/></svg>',
        " is-own" if is_own else "",
        round(100 * max(share, 0.01), 1),
    )


def incidents_context(environment: Environment) -> dict[str, Any]:
    """Return the latest incidents of the last day with the affected tiers (one query)."""
    now = timezone.now()
    start = max(now - history.DAY, environment.created_at)
    rows = HealthSample.objects.of(environment).since(start - history.SILENT_AFTER[history.DAY])
    samples = list(rows.values_list("tier", "at", "word", "healthy", "total"))
    found = history.strips(samples, (WHOLE, *panels.TIERS), start, now, history.DAY)
    whole = next((strip for strip in found if strip.tier == WHOLE), None)
    if whole is None:
        return {"percent": "", "svg": "", "start": start, "incidents": []}
    period = history.period_name(history.DAY, is_cut=start == environment.created_at)
    label = _("%(part)s, %(period)s: healthy %(percent)s") % {
        "part": _("Environment"),
        "period": period,
        "percent": whole.percent or _("unknown"),
    }
    tiers = [strip for strip in found if strip.tier != WHOLE]
    latest = history.merged(whole.incidents)[:LATEST_INCIDENTS]
    return {
        "percent": whole.percent,
        "period": period,
        "svg": whole.svg(label),
        "start": start,
        "incidents": [_incident(one, tiers, now) for one in latest],
    }


def _incident(
    one: history.HealthInterval, tiers: Sequence[history.HealthStrip], now: datetime
) -> Mapping[str, Any]:
    affected = (
        (strip.tier, min(overlapping, key=lambda part: part.healthy))
        for strip in tiers
        if (overlapping := [part for part in strip.incidents if part.overlaps(one)])
    )
    return {
        "state": one.state,
        "start": one.start,
        "seconds": one.seconds,
        "is_ongoing": one.end == now,
        "effects": [
            _("%(name)s: %(end)s")
            % {
                "name": panels.tier_name(tier),
                "end": panels.counted_in_words(tier, part.healthy, part.total),
            }
            for tier, part in affected
        ],
    }
