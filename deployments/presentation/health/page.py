"""The context of an environment's page: its health now and its health history, read in a few queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.core.health.facts import Facts
from deployments.core.health.readiness import readiness
from deployments.core.health.rollup import Health, roll_up
from deployments.core.status import DisplayStatus
from deployments.live.reads import quota_share
from deployments.models import Deployment, Environment
from deployments.models.health import ActionRequest, HealthSample, ScalingActivity, SiteProbe
from deployments.models.health.reads import facts_of
from deployments.models.health.samples import WHOLE
from deployments.presentation import badges
from deployments.presentation.diagrams.environment import environment_diagram
from deployments.presentation.health import aws_badges, history, panels, site
from deployments.presentation.health.sources import source_statuses
from deployments.presentation.text.datetime_formats import iso

ACTIVITIES, PROBES, TIMES_TO_READY, REQUESTS = 6, 5, 10, 20


def health_context(environment: Environment, *, everything: bool, may_operate: bool) -> dict[str, Any]:
    """Return the context of the page's health."""
    now = timezone.now()
    facts = facts_of(environment)
    health = roll_up(facts, now)
    targets = panels.targets(facts, everything=everything)
    requests = list(ActionRequest.objects.newest_of(environment)[:REQUESTS])
    return {
        "facts": facts,
        "health": health,
        "glyph": badges.HEALTH[health.status][1],
        "sentence": aws_badges.sentence_text(health.sentence),
        "verdict_class": f"is-{badges.HEALTH[health.status][0]}",
        "tiers": _tiers(health),
        "diagram": environment_diagram(health, facts, frozenset(row.id for row in targets.rows)),
        "sources": source_statuses(facts, now, environment.account.timings),
        "budget": _budget(environment),
        "everything": everything,
        "may_operate": may_operate,
        "load_balancers": _load_balancers(facts),
        "targets": targets,
        "instances": panels.instances(facts, everything=everything),
        "groups": _groups(facts),
        "associations": panels.associations(facts, _latest_run_requests(requests), everything=everything),
        "clusters": panels.clusters(facts),
        "activities": _activities(environment),
        "site_check": next((one for one in requests if one.kind == "save_time"), None),
        "probes": _probes(environment),
        "site_reads": site.latest_reads(facts, health, now),
        "now": iso(now),
        **_ready(environment, facts),
    }


def _ready(environment: Environment, facts: Facts) -> dict[str, Any]:
    latest = environment.latest
    if latest is None or not facts.parts:
        return {}
    if latest.ready_at:
        return {"ready_at": latest.ready_at}
    if not latest.is_active or latest.kind != "create":
        return {}
    return {
        "waiting": [aws_badges.sentence_text(one) for one in readiness(facts, latest.created_at).waiting_for]
    }


def _budget(environment: Environment) -> str:
    """Return how much of the account's API quota is used, "" when that is unknown."""
    share = quota_share(environment.account_id)
    if share.percent is None:
        return ""
    used = _("API quota used: {percent} %").replace("{percent}", str(share.percent))
    return ", ".join((used, _("Throttled by AWS"))) if share.throttled else used


def _tiers(health: Health) -> list[Mapping[str, str]]:
    """Return the list below the sentence: every tier, its state, its own sentence."""
    return [
        {
            "name": panels.tier_name(tier.name),
            "word": tier.assessment.status,
            "counted": _("%(healthy)d of %(total)d") % {"healthy": tier.healthy, "total": tier.total},
            "sentence": aws_badges.sentence_text(tier.assessment.sentence)
            if tier.assessment.sentence != health.sentence
            else "",
        }
        for tier in health.tiers
    ]


def _load_balancers(facts: Facts) -> list[Mapping[str, Any]]:
    return [
        {"fact": one, "name": panels.tier_name(one.tier), "badge": aws_badges.load_balancer(one.state)}
        for one in sorted(facts.load_balancers, key=lambda one: one.tier)
    ]


def _groups(facts: Facts) -> list[str]:
    """Return how many instances each group has and wants."""
    return [
        _("%(tier)s: %(number)d of %(wanted)d desired")
        % {
            "tier": panels.tier_name(group.tier),
            "number": sum(one.group == group.name for one in facts.instances),
            "wanted": group.desired,
        }
        for group in sorted(facts.groups, key=lambda group: group.tier != "web")
    ]


def _latest_run_requests(requests: Sequence[ActionRequest]) -> dict[str, ActionRequest]:
    """Return the latest run request of each association, by its id."""
    return {
        str(one.arguments.get("association_id", "")): one
        for one in reversed(requests)
        if one.kind == "run_association"
    }


def _activities(environment: Environment) -> list[Mapping[str, Any]]:
    rows = ScalingActivity.objects.newest_of(environment)[:ACTIVITIES]
    return [{"row": row, "badge": aws_badges.activity(row.status)} for row in rows]


def _probes(environment: Environment) -> list[Mapping[str, Any]]:
    rows = SiteProbe.objects.newest_of(environment).select_related("asked_by")[:PROBES]
    return [{"row": row, "wrote": _yes_or_no(row.wrote), "read": _yes_or_no(row.read)} for row in rows]


def _yes_or_no(well: bool) -> SafeString:
    if well:
        return badges.status_badge(DisplayStatus.DONE, pgettext("site", "Yes"))
    return badges.status_badge(DisplayStatus.FAILED, pgettext("site", "No"))


def history_context(environment: Environment) -> dict[str, Any]:
    """Return the health strips, the reads of the site and the times to ready (four queries)."""
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
    """Return the periods to show: of an environment that is younger than a day, a week says nothing more."""
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
    took = [(row.ready_at - row.created_at).total_seconds() for row in rows if row.ready_at]
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
