"""The reads through the load balancer as the page shows them: the latest ones, and those of a period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.core.health.facts import Facts
from deployments.core.health.rollup import Health
from deployments.core.health.site_reads import is_measured
from deployments.models import Environment, SiteReads
from deployments.presentation.health.aws_badges import sentence_text


def latest_reads(facts: Facts, health: Health, now: datetime) -> Mapping[str, Any] | None:
    """Return the latest reads; None before the first ones.

    `status` is "" if the site is not measured; then `problem` says why.
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


def reads_of_period(environment: Environment, since: datetime) -> str:
    """Return the error rate and the durations of the reads since then, "" without reads."""
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
    durations = _("%(mean)d ms on average, %(slowest)d ms at most") % {
        "mean": round(totals.mean),
        "slowest": round(totals.slowest),
    }
    return f"{rate} · {durations}"


def _percent(share: float) -> str:
    """Return a share in percent; the smallest one is not rounded to none."""
    return "0 %" if share == 0 else f"{max(0.1, 100 * share):.1f} %"
