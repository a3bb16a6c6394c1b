"""Replay of a deployment that has ended: updates from one of its events to another."""

from __future__ import annotations

from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.visible import deployment_or_404
from deployments.common.pages.choices import parse_number
from deployments.common.pages.datetime_formats import iso
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import page_updates
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of


@require_GET
@never_cache
def replay_update(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return the update from the event `?since=` to `?until=`; with all rows if it goes backward."""
    deployment = deployment_or_404(request, pk)
    if deployment.is_active:
        raise Http404("it has not ended")
    since = parse_number(request.GET.get("since"))
    until = min(parse_number(request.GET.get("until")), deployment.last_seq)
    past = as_of(deployment, until)
    view = DeploymentView.past(past)
    events = list(Event.objects.of(deployment).after(since).up_to(until)) if until >= since else None
    body = page_updates.replay_body(
        view, events, since=min(since, until), seq=until, locale=Locale.of(request)
    )
    return JsonResponse(body | {"now": iso(past.now)})
