"""The reads through the load balancer on the page: the latest ones, and those of a period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.environments.models.environments import Environment
from deployments.health.display.aws_badges import sentence_text
from deployments.health.models.site import SiteReads
from deployments.health.rules.observations import Observations
from deployments.health.rules.rollup import Health
from deployments.health.rules.served_versions import ServedVersions, served_versions
from deployments.health.rules.site_reads import is_measured, percentile

CHART, INTERVAL = timedelta(hours=3), timedelta(minutes=5)
CHART_HEIGHT = 64
P95 = 0.95


def latest_reads(facts: Observations, health: Health, now: datetime) -> Mapping[str, Any] | None:
    """Return the latest reads; None before the first ones.

    `status` is "" if the site is not measured; `problem` is the reason.
    """
    reads = facts.site_reads
    if reads is None:
        return None
    measured = is_measured(reads, now)
    return {
        "status": next((tier.assessment.status for tier in health.tiers if tier.name == "site"), ""),
        "result": _("%(succeeded)s of %(total)s reads succeeded")
        % {"succeeded": reads.succeeded, "total": reads.total},
        "milliseconds": reads.milliseconds if measured else None,
        "problem": sentence_text(reads.problem),
        "at": reads.at,
    }


def served(environment: Environment, facts: Observations, now: datetime) -> ServedVersions | None:
    """Return the versions that servers reported in the latest reads; None while the site is not measured."""
    reads, latest = facts.site_reads, environment.latest
    if reads is None or not is_measured(reads, now):
        return None
    ends = (latest.ended_at if latest else None, environment.changed_outside_at)
    return served_versions(
        reads.polls,
        is_changing=environment.active_deployment is not None or environment.is_stack_changing,
        changed_at=max((at for at in ends if at is not None), default=None),
    )


def reads_of_period(environment: Environment, since: datetime) -> str:
    """Return the error rate and the durations of the reads since `since`; "" without reads."""
    totals = SiteReads.objects.totals_since(environment, since)
    if not totals.reads:
        return ""
    rate = ngettext(
        "Site: %(percent)s of %(count)d read failed",
        "Site: %(percent)s of %(count)d reads failed",
        totals.reads,
    ) % {"percent": _percent(totals.failed / totals.reads), "count": totals.reads}
    if totals.mean is None:
        return rate
    p95 = percentile(SiteReads.objects.durations_since(environment, since), P95)
    values = {"mean": round(totals.mean), "p95": round(p95 or 0), "slowest": round(totals.slowest)}
    durations = _("%(mean)d ms on average, %(slowest)d ms at most")
    if p95 is not None:
        durations = _("%(mean)d ms on average, p95 %(p95)d ms, %(slowest)d ms at most")
    return f"{rate} · {durations % values}"


def _percent(share: float) -> str:
    """Return a share in percent; a small one is not rounded to zero."""
    return "0 %" if share == 0 else f"{max(0.1, 100 * share):.1f} %"


def recent_hours(environment: Environment, now: datetime) -> Mapping[str, Any] | None:
    """Return the durations, the failures and a chart of three hours of reads; None without reads."""
    rows = list(SiteReads.objects.newest_of(environment).since(now - CHART))
    if not rows:
        return None
    reads, failed = sum(row.reads for row in rows), sum(row.failed for row in rows)
    succeeded = reads - failed
    mean = sum(row.milliseconds for row in rows) / succeeded if succeeded else None
    start = max(now - CHART, min(row.start for row in rows), environment.created_at)
    return {
        "start": start,
        "mean": mean,
        "p95": percentile([row.durations or {} for row in rows], P95),
        "reads": reads,
        "failed": failed,
        "chart": _chart(rows, start, now, mean),
    }


def _chart(rows: Sequence[SiteReads], start: datetime, now: datetime, mean: float | None) -> SafeString:
    """Return a bar for each interval: its height is the mean duration, or the full height if reads failed."""
    means = {row.pk: row.totals.mean or 0.0 for row in rows}
    scale = CHART_HEIGHT / max((*means.values(), 1.0))
    whole = max((now - start).total_seconds(), 1.0)
    spans = {row.pk: (max(row.start, start) - start, min(row.start + INTERVAL, now) - start) for row in rows}
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>',
        (
            (
                "is-failed" if row.failed else "is-read",
                round(100 * begin.total_seconds() / whole, 2),
                CHART_HEIGHT - height,
                round(max(0.5, 95 * (end - begin).total_seconds() / whole), 2),
                height,
            )
            for row in rows
            for begin, end in [spans[row.pk]]
            for height in [CHART_HEIGHT if row.failed else max(2, round(scale * means[row.pk]))]
        ),
    )
    label = _("Duration of the reads of the site: %(mean)s ms on average; %(failed)d of %(reads)d failed") % {
        "mean": "–" if mean is None else round(mean),
        "failed": sum(row.failed for row in rows),
        "reads": sum(row.reads for row in rows),
    }
    return format_html(
        '<svg class="reads" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
        CHART_HEIGHT,
        label,
        bars,
    )
