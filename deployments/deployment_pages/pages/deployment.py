"""The page of one deployment with its state at one event number; `stream` updates it from there.

It is compressed here, like environments' pages (see `environment`): a thousand rows compress well.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.display.approvals import bypass_of
from deployments.changes.display.previews import is_preview
from deployments.common.pages import tabs
from deployments.common.pages.choices import parse_number
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages import events_tab, page_updates, replay
from deployments.deployment_pages.pages.waterfall import cache, inspector
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.live import access
from deployments.live.reads import Snapshot
from deployments.stacks.models.past_state import as_of

MOST_STACKS = 100
"""Maximum number of stacks whose rows one request may fetch."""


@require_GET
@never_cache
@gzip_page
def deployment_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a deployment: its progress, phases, result, stacks, resources and events."""
    deployment = deployment_or_404(request, pk)
    if is_preview(deployment):
        return redirect("change_preview_page", pk)
    if deployment.is_scheduled_creation:
        return redirect("scheduled_creation", pk)
    if deployment.is_deletion_request:
        return redirect("deletion_request", pk)
    replayed = "replay" in request.GET and not deployment.is_active
    view = replay.view_at_start(deployment) if replayed else DeploymentView.whole(deployment)
    locale = Locale.of(request)
    shown_tab = tabs.chosen(request.GET, otherwise="waterfall")
    context = (
        view.context()
        | events_tab.tab(request, deployment)
        | {
            "deployment": view.deployment,
            # Before the template reads permissions, so that one lost in between is still reported.
            "permissions": access.of_user(request.user).grant_list,
            "bypassed": bypass_of(deployment),
            "title": view.title,
            **view.chart(),
            "rows": view.render_rows(_rows(request, view), locale),
            "live": not replayed and not Snapshot.of(deployment).is_settled,
            "now": view.deployment.polled_at if replayed else timezone.now(),
            "then": _then(request, view),
            "replay": replay.controls(deployment) if replayed else None,
            "texts": page_updates.texts() | events_tab.texts(),
            "tabs": tabs.tabs(shown_tab),
            "shown_tab": shown_tab,
            "details": inspector.details_in(view, request.GET.get("row")),
        }
    )
    return render(request, "deployment_pages/deployment.html", context)


def _rows(request: AuthedRequest, view: DeploymentView) -> tuple[Row, ...]:
    """Return the first rows of the page; with `?rows=all` all of them, with `?row=` one."""
    if request.GET.get("rows") == "all":
        return view.rows()
    wanted = request.GET.get("row", "").strip("/")
    return view.first_rows([wanted] if wanted else [])


@require_GET
@never_cache
@gzip_page
def stack_rows(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return the rows in the stacks `?stack=` of a deployment; in a replay, those at the event `?until=`."""
    deployment = deployment_or_404(request, pk)
    stacks = request.GET.getlist("stack")[:MOST_STACKS]
    known = cache.get(deployment)
    if "until" in request.GET and not deployment.is_active:
        until = min(parse_number(request.GET["until"]), deployment.last_seq)
        view = DeploymentView.past(as_of(deployment, until))
    elif known is not None and known.is_fresh_for(deployment, deployment.last_seq):
        view = DeploymentView.part(deployment, stacks, known)
    else:
        view = DeploymentView.whole(deployment)
    return HttpResponse("\n".join(view.render_rows(view.rows_in(stacks), Locale.of(request))))


def _then(request: AuthedRequest, view: DeploymentView) -> str:
    """Return the page to open when the deletion has ended, if the address requests it; "" otherwise."""
    retry = view.summary.retry
    return retry.url if retry and view.deployment.is_active and request.GET.get("then") == "retry" else ""
