"""Playing a finished deployment back: frames from one of its events to another, as they would have come."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.models import Deployment, Event
from deployments.models.past import as_of, moments
from deployments.views import frames
from deployments.views.chips import number
from deployments.views.drawn import Reader
from deployments.views.moments import iso
from deployments.views.requests import AuthedRequest
from deployments.views.waterfall.picture import Picture

SPEEDS = (1, 2, 5, 10, 30, 60)


def picture_at_the_beginning(deployment: Deployment) -> Picture:
    """Return what the page shows before it is played."""
    first = moments(deployment)[:1]
    return Picture.past(as_of(deployment, first[0][0] if first else 0))


def controls(deployment: Deployment) -> dict[str, Any]:
    """Return what the bar with the controls needs."""
    return {"moments": moments(deployment), "speeds": SPEEDS}


@require_GET
@never_cache
def replay_frame(request: AuthedRequest, pk: int) -> HttpResponse:
    """Answer with the frame from the event `?since=` to `?until=`; all rows when it goes back."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    if deployment.is_active:
        raise Http404("it has not ended")
    since = number(request.GET.get("since"))
    until = min(number(request.GET.get("until")), deployment.last_seq)
    past = as_of(deployment, until)
    picture = Picture.past(past)
    events = list(Event.objects.of(deployment).after(since).up_to(until)) if until >= since else None
    body = frames.played(picture, events, since=min(since, until), seq=until, reader=Reader.of(request))
    return JsonResponse(body | {"now": iso(past.now)})
