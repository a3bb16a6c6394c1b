"""The context of each tab of an environment's page: its health now, read in a few queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.datetime_formats import iso
from deployments.environments.display import badges, tab_urls
from deployments.environments.models.environments import Environment
from deployments.health.display import aws_badges, backups, panels, site
from deployments.health.display.database_chart import database_charts
from deployments.health.display.diagrams.environment import environment_diagram
from deployments.health.display.maintenance import maintenance
from deployments.health.display.poll_status import poll_statuses
from deployments.health.display.server_tables import server_tables
from deployments.health.models.fleet import ScalingActivity
from deployments.health.models.reads import observations_of
from deployments.health.models.site import SiteProbe
from deployments.health.rules.observations import Observations
from deployments.health.rules.readiness import readiness
from deployments.health.rules.rollup import Health, roll_up
from deployments.live.reads import quota_share
from deployments.stacks.models.action_requests import ActionRequest

ACTIVITIES, PROBES, REQUESTS = 6, 3, 20
_HEADED = ("web", "app", "database")
"""The tiers of which the diagram has only the numbers; the boxes of the others have their sentence."""


def health_context(
    environment: Environment, tab: str, *, everything: bool, may_operate: bool
) -> dict[str, Any]:
    """Return the context of the page's head and of one tab; `everything` is every row of the tab's panels."""
    now = timezone.now()
    facts = observations_of(environment)
    health = roll_up(facts, now)
    context = {
        "facts": facts,
        "health": health,
        "sentence": aws_badges.sentence_text(health.sentence),
        "sources": poll_statuses(facts, now, environment.account.timings),
        "quota": _quota(environment),
        "everything": everything,
        "may_operate": may_operate,
        "now": iso(now),
    }
    return context | _TABS.get(tab, _nothing)(environment, facts, health, everything)


def _nothing(
    environment: Environment, facts: Observations, health: Health, everything: bool
) -> dict[str, Any]:
    return {}


def _overview(
    environment: Environment, facts: Observations, health: Health, everything: bool
) -> dict[str, Any]:
    now = timezone.now()
    shown = frozenset(row.id for one in server_tables(facts, everything=False) for row in one.rows.rows)
    requests = ActionRequest.objects.newest_of(environment)[:REQUESTS]
    hours = site.recent_hours(environment, now)
    numbers = hours["edge"] if hours else None
    return {
        "health_kind": badges.HEALTH[health.status][0],
        "problems": _problems(health),
        "diagram": environment_diagram(health, facts, shown, numbers),
        "site_check": next((one for one in requests if one.kind == "save_time"), None),
        "probes": _probes(environment),
        "site_reads": site.latest_reads(facts, health, now),
        "site_hours": hours,
        "served": site.served(environment, facts, now),
        **_ready(environment, facts),
    }


def _servers(
    environment: Environment, facts: Observations, health: Health, everything: bool
) -> dict[str, Any]:
    requests = list(ActionRequest.objects.newest_of(environment)[:REQUESTS])
    return {
        "tables": server_tables(facts, everything=everything),
        "associations": panels.associations(facts, _latest_run_requests(requests), everything=everything),
        "activities": _activities(environment),
        "served": site.served(environment, facts, timezone.now()),
    }


def _database(
    environment: Environment, facts: Observations, health: Health, everything: bool
) -> dict[str, Any]:
    requests = list(ActionRequest.objects.newest_of(environment).of_kind("take_snapshot")[:REQUESTS])
    return {
        "clusters": panels.clusters(facts),
        "backups": backups.backups(environment, facts, requests, everything=everything),
        "metrics": database_charts(environment, facts, timezone.now()),
        "maintenance": maintenance(environment),
        "secrets": list(environment.database_secrets.order_by("-cluster_id", "name")),
    }


_TABS: Mapping[str, Callable[[Environment, Observations, Health, bool], dict[str, Any]]] = {
    tab_urls.OVERVIEW: _overview,
    tab_urls.SERVERS: _servers,
    tab_urls.DATABASE: _database,
}


def _ready(environment: Environment, facts: Observations) -> dict[str, Any]:
    """Return what the creation waits for, until the environment is ready."""
    latest = environment.latest
    if latest is None or not facts.parts or latest.ready_at or not latest.is_active or not latest.creates:
        return {}
    return {
        "waiting": [aws_badges.sentence_text(one) for one in readiness(facts, latest.began_at).waiting_for]
    }


def _quota(environment: Environment) -> str:
    """Return the used share of the account's API quota; "" if it is unknown."""
    share = quota_share(environment.account_id)
    if share.percent is None:
        return ""
    used = _("API quota used: {percent} %").replace("{percent}", str(share.percent))
    return ", ".join((used, _("Throttled by AWS"))) if share.throttled else used


def _problems(health: Health) -> list[str]:
    """Return why the environment is not healthy, first what decides; the site has its own card."""
    sentences = [health.sentence, *(one.assessment.sentence for one in health.tiers if one.name in _HEADED)]
    return list(dict.fromkeys(aws_badges.sentence_text(one) for one in sentences if one is not None))


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
