"""The events' tab of a deployment's page: the filters above the log, and a page of its lines."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.common.pages.choices import parse_number
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import event_filters, log, rendered
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.deployment_pages.pages.log import LogPosition
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event


def tab(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return the context of `_events.html`: the events up to the deployment's `last_seq`."""
    wanted = EventFilter.of(request.GET)
    page = log.read(deployment, wanted, position(request.GET), up_to=deployment.last_seq)
    return {
        "deployment": deployment,
        "log": page,
        "count": count(deployment, wanted),
        "lines": rendered_lines(page, Locale.of(request)),
        "zone": timezone.get_current_timezone_name(),
        "state": event_filters.state(request.GET),
        **filter_bar(request, wanted, deployment),
    }


def count(deployment: Deployment, wanted: EventFilter) -> str:
    """Return the number of events; with a filter, the matching and the total number (one query)."""
    if not wanted.is_set:
        return str(deployment.last_seq)
    number = wanted.events(deployment).up_to(deployment.last_seq).count()
    return _("%(number)d of %(total)d") % {"number": number, "total": deployment.last_seq}


def texts() -> dict[str, str]:
    """Return the texts of the tab's script, in the current language."""
    return {
        "newer": _("Newest events ({count} more)"),
        "newest": _("Newest events"),
        "linkCopied": _("Link to the event copied"),
    }


def filter_bar(request: HttpRequest, wanted: EventFilter, deployment: Deployment) -> dict[str, Any]:
    """Return the context of the filters above the log."""
    given = request.GET
    kept = {k: v for k, v in given.items() if k not in (*event_filters.POSITION_PARAMETERS, "q", "tab")}
    return {
        "deployment": deployment,
        "wanted": wanted,
        "has_failed": Event.objects.of(deployment).problems().exists(),
        "menus": event_filters.menus(given, wanted, deployment),
        "toggles": event_filters.toggles(given, wanted),
        "kept": kept,
        "no_text": event_filters.query(given, q=""),
        "unfiltered": "?tab=events",
        "newest": event_filters.query(given),
        "filters": event_filters.query(given),
    }


def position(given: QueryDict) -> LogPosition:
    """Return the position in the log that a query names.

    Problems begin with the first one, since later ones mostly follow from it.
    """
    found = LogPosition(
        event=parse_number(given.get("event")),
        before=parse_number(given.get("before")),
        after=parse_number(given.get("after")),
        since=parse_number(given.get("since")),
    )
    if found == LogPosition() and EventFilter.of(given).problems:
        return LogPosition(oldest=True)
    return found


def rendered_lines(page: log.LogPage, locale: Locale) -> list[str]:
    """Return the lines of a page as HTML."""
    return [rendered.line(line, locale) for line in page.lines]
