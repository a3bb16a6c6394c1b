"""The events' tab of a deployment's page: what it shows of the log, and more for who scrolls or filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from deployments.core.root_cause import first_failure
from deployments.models import Deployment, Event
from deployments.views import drawn, event_filter, log
from deployments.views.chips import number
from deployments.views.drawn import Reader
from deployments.views.event_filter import EventFilter
from deployments.views.log import Place


def tab(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return what `_events.html` shows, of the events up to the deployment's `last_seq`."""
    wanted = EventFilter.of(request.GET)
    shown = log.read(deployment, wanted, place(request.GET), up_to=deployment.last_seq)
    return {
        "deployment": deployment,
        "log": shown,
        "lines": lines(shown, Reader.of(request)),
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


def lines(shown: log.Log, reader: Reader) -> list[str]:
    """Return the lines of a page as HTML."""
    return [drawn.line(line, reader) for line in shown.lines]


@require_GET
@never_cache
@gzip_page
def event_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with a page of the log as JSON, `bar` and all where one begins anew; for the page's script."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    wanted = EventFilter.of(request.GET)
    at = place(request.GET)
    # What follows lines that are there may repeat one of these: the script folds it.
    shown = log.read(
        deployment, replace(wanted, apart=True) if at.after else wanted, at, up_to=deployment.last_seq
    )
    answer = {
        "lines": lines(shown, Reader.of(request)),
        "earlier": shown.earlier,
        "later": shown.later,
        "seq": deployment.last_seq,
        "folds": int(wanted.folds),
        "filtered": int(wanted.is_set),
    }
    if not (at.before or at.after):
        above = bar(request, wanted, deployment)
        answer["bar"] = render_to_string("deployments/_events_bar.html", above, request=request)
    return JsonResponse(answer)


@require_GET
@never_cache
def first_failed_event(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to the event that tells of the first failure, or to all of them when nothing has failed."""
    deployment = get_object_or_404(Deployment, pk=pk)
    landmarks = Event.objects.of(deployment).landmarks()
    failure = first_failure(found for event in landmarks if (found := event.as_failure()))
    told = Event.objects.of(deployment).telling(failure).first() if failure else None
    where = f"?tab=events&event={told.seq}#e-{told.seq}" if told else "?tab=events"
    return HttpResponseRedirect(f"{deployment.get_absolute_url()}{where}")
