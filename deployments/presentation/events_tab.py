"""The events' tab of a deployment's page: the filters above the log, and a page of its lines."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.models import Deployment, Event
from deployments.presentation import log, rendered
from deployments.presentation.filters import events as event_filter
from deployments.presentation.filters.choices import number
from deployments.presentation.filters.events import EventFilter
from deployments.presentation.locale import Locale
from deployments.presentation.log import Place


def tab(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return what `_events.html` shows, of the events up to the deployment's `last_seq`."""
    wanted = EventFilter.of(request.GET)
    shown = log.read(deployment, wanted, place(request.GET), up_to=deployment.last_seq)
    return {
        "deployment": deployment,
        "log": shown,
        "lines": lines(shown, Locale.of(request)),
        "zone": timezone.get_current_timezone_name(),
        "state": event_filter.state(request.GET),
        **bar(request, wanted, deployment),
    }


def texts() -> dict[str, str]:
    """Return the sentences that the tab's script says, in the current language."""
    return {
        "newer": _("Newest events ({count} more)"),
        "newest": _("Newest events"),
        "linkCopied": _("The link to the event is copied"),
    }


def bar(request: HttpRequest, wanted: EventFilter, deployment: Deployment) -> dict[str, Any]:
    """Return what the filters above the log show."""
    given = request.GET
    keep = {k: v for k, v in given.items() if k not in (*event_filter.PLACES, "q", "tab")}
    return {
        "deployment": deployment,
        "wanted": wanted,
        "has_failed": Event.objects.of(deployment).problems().exists(),
        "menus": event_filter.menus(given, wanted, deployment),
        "switches": event_filter.switches(given, wanted),
        "kept": keep,
        "no_text": event_filter.query(given, q=""),
        "unfiltered": "?tab=events",
        "newest": event_filter.query(given),
        "filters": event_filter.query(given),
    }


def place(given: QueryDict) -> Place:
    """Return where in the log an address begins."""
    return Place(
        event=number(given.get("event")), before=number(given.get("before")), after=number(given.get("after"))
    )


def lines(shown: log.Log, locale: Locale) -> list[str]:
    """Return the lines of a page as HTML."""
    return [rendered.line(line, locale) for line in shown.lines]
