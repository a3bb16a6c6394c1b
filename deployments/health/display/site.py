"""The reads through the load balancer on the page: the latest ones, and those of a period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.display.aws_badges import sentence_text
from deployments.health.display.diagrams.svg import EdgeNumbers
from deployments.health.display.site_chart import MEDIAN, P95, intervals_of, site_chart
from deployments.health.models.site import SiteReads
from deployments.health.rules.observations import Observations
from deployments.health.rules.rollup import Health
from deployments.health.rules.served_versions import ServedVersions, served_versions
from deployments.health.rules.site_reads import is_measured, percentile

CHART = timedelta(hours=3)
EDGE = timedelta(minutes=30)
"""The period of the numbers in the diagram."""


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


def edge_numbers(rows: Iterable[SiteReads], now: datetime) -> EdgeNumbers | None:
    """Return the median latency and the share of failed reads of the last half hour; None without reads."""
    recent = [row for row in rows if row.start > now - EDGE]
    reads, failed = sum(row.reads for row in recent), sum(row.failed for row in recent)
    if not reads:
        return None
    median = percentile((row.durations or {} for row in recent), MEDIAN)
    return EdgeNumbers(
        latency="–" if median is None else f"{median:.0f} ms",
        failed=_percent(failed / reads),
        has_failures=failed > 0,
    )


def recent_hours(environment: Environment, now: datetime) -> Mapping[str, Any] | None:
    """Return the durations, the failures and a chart of three hours of reads; None without reads."""
    rows = list(SiteReads.objects.newest_of(environment).since(now - CHART))
    if not rows:
        return None
    start = max(now - CHART, min(row.start for row in rows), environment.created_at)
    deployments = Deployment.objects.of(environment).that_changed_stacks().begun_since(start)
    classes = [row.durations or {} for row in rows]
    return {
        "median": percentile(classes, MEDIAN),
        "p95": percentile(classes, P95),
        "edge": edge_numbers(rows, now),
        "reads": sum(row.reads for row in rows),
        "failed": sum(row.failed for row in rows),
        "chart": site_chart(intervals_of(rows, start, now), list(deployments), start, now),
    }
