"""The page of one deployment, as it stands at one event number; `stream` brings it on from there."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.live.reads import Snapshot
from deployments.models import Deployment
from deployments.views import drawn, frames, log, tabs
from deployments.views.chips import number
from deployments.views.drawn import Reader
from deployments.views.requests import AuthedRequest


@require_GET
@never_cache
def deployment_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a deployment: how far it is, its phases, its end, its stacks and resources, its events.

    `?until=` shows an earlier page of the log; such a page stands still.
    """
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    lines = log.page(deployment, up_to=number(request.GET.get("until")) or deployment.last_seq)
    picture = frames.Picture.of(deployment)
    reader = Reader.of(request)
    shown_tab = tabs.chosen(request.GET, otherwise="events" if lines.is_past else "waterfall")
    context = picture.context() | {
        "title": picture.title,
        "rows": [drawn.row(row, reader) for row in picture.tree.rows],
        "lines": [drawn.line(line, reader) for line in lines.lines],
        "log": lines,
        "live": not lines.is_past and not Snapshot.of(deployment).is_settled,
        "now": timezone.now(),
        "texts": frames.texts(),
        "tabs": tabs.tabs(shown_tab),
        "shown_tab": shown_tab,
    }
    return render(request, "deployments/deployment.html", context)
