"""Further pages of a deployment's event log, for scrolling and filters, and its first failure."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.cloudformation.root_cause import first_failure
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import events_tab, log
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.stacks.models.events import Event


@require_GET
@never_cache
@gzip_page
def event_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Return a page of the event log as JSON, with `bar` if it is the first; for the page's script."""
    deployment = deployment_or_404(request, pk)
    filter_ = EventFilter.of(request.GET)
    position = events_tab.position(request.GET)
    # Later and new lines may repeat one on the page: the script folds these.
    page = log.read(
        deployment,
        replace(filter_, apart=True) if position.after or position.since else filter_,
        position,
        up_to=deployment.last_seq,
    )
    body = {
        "lines": events_tab.rendered_lines(page, Locale.of(request)),
        "earlier": page.earlier,
        "later": page.later,
        "known": page.known,
        "seq": deployment.last_seq,
        "folds": int(filter_.folds),
        "filtered": int(filter_.is_set),
        "count": events_tab.count(deployment, filter_),
        "oldest": int(position.oldest),
    }
    if not (position.before or position.after or position.since):
        context = events_tab.filter_bar(request, filter_, deployment)
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
