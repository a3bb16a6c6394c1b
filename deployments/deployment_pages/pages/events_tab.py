"""The events' tab of a deployment's page: filters, pages of log lines, and the first failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.cloudformation.root_cause import first_failure
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
    page = log.read(deployment, wanted, position_in_log(request.GET), up_to=deployment.last_seq)
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


def position_in_log(given: QueryDict) -> LogPosition:
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


@require_GET
@never_cache
@gzip_page
def event_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Return a page of the event log as JSON, with `bar` if it is the first; for the page's script."""
    deployment = deployment_or_404(request, pk)
    filter_ = EventFilter.of(request.GET)
    position = position_in_log(request.GET)
    # Later and new lines may repeat one on the page: the script folds these.
    page = log.read(
        deployment,
        replace(filter_, apart=True) if position.after or position.since else filter_,
        position,
        up_to=deployment.last_seq,
    )
    body = {
        "lines": rendered_lines(page, Locale.of(request)),
        "earlier": page.earlier,
        "later": page.later,
        "known": page.known,
        "seq": deployment.last_seq,
        "folds": int(filter_.folds),
        "filtered": int(filter_.is_set),
        "count": count(deployment, filter_),
        "oldest": int(position.oldest),
    }
    if not (position.before or position.after or position.since):
        context = filter_bar(request, filter_, deployment)
        body["bar"] = render_to_string("deployment_pages/_events_bar.html", context, request=request)
    return JsonResponse(body)


@require_GET
@never_cache
def first_failed_event(request: HttpRequest, pk: int) -> HttpResponse:
    """Redirect to the event of the first failure, or to all events if nothing has failed."""
    deployment = deployment_or_404(request, pk)
    landmarks = Event.objects.of(deployment).landmarks()
    failure = first_failure(found for event in landmarks if (found := event.as_failure()))
    event = Event.objects.of(deployment).of_failure(failure).first() if failure else None
    where = f"?tab=events&event={event.seq}#e-{event.seq}" if event else "?tab=events"
    return HttpResponseRedirect(f"{deployment.get_absolute_url()}{where}")
