"""The page of the preview of a change, and its requests: apply, discard, renew, go back to an earlier one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may, reload_if, request_key_of
from deployments.access.pages.visible import change_or_404, deployment_or_404
from deployments.changes.commands import apply, preview
from deployments.changes.display import previews
from deployments.changes.display.approvals import approval_context
from deployments.changes.models.assessments import assessment_of, find_set, planned_stacks
from deployments.changes.pages import schedule
from deployments.changes.pages.preview import view
from deployments.cloudformation.changes import Changes
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment


@require_GET
@never_cache
@gzip_page
def preview_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the preview of a change; with `?applied`, also after its stacks have begun.

    Without it, the page then redirects to the deployment: it would show the preview forever.
    """
    deployment = change_or_404(request, pk)
    if not previews.is_preview(deployment) and "applied" not in request.GET:
        return redirect(deployment)
    return _page(request, deployment)


def preview_with(request: AuthedRequest, deployment: Deployment, **problem: Any) -> HttpResponse:
    """Show the preview again, with a rejected form as it was sent and its errors."""
    return _page(request, change_or_404(request, deployment.pk), status=422, sent=request.POST, **problem)


def _page(
    request: AuthedRequest, deployment: Deployment, *, status: int = 200, **problem: Any
) -> HttpResponse:
    context = view.context(deployment, request.user, request.GET.dict(), request.POST.dict())
    context |= approval_context(deployment, request.user)
    context["is_preview"] = is_preview = previews.is_preview(deployment)
    context["applied"] = "" if is_preview else "&applied=yes"
    return render(request, "changes/preview.html", context | problem, status=status)


@require_GET
@never_cache
@gzip_page
def preview_rows(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return rows of the tree: those that match a search, or those of one stack."""
    deployment = change_or_404(request, pk)
    changes = Changes.from_json(deployment.changes)
    stacks = planned_stacks(deployment, find_set(deployment))
    context = view.tree_context(
        deployment, changes, assessment_of(deployment, stacks), stacks, request.GET.dict()
    )
    return render(request, "changes/_preview_rows.html", context)


@require_GET
@never_cache
def preview_state(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return whether the page must be reloaded: the preview was computed, applied or discarded.

    With `?applied`, the page shows the preview of a change that has begun, and is not reloaded.
    """
    deployment = change_or_404(request, pk)
    stays = previews.is_preview(deployment) or "applied" in request.GET
    moved_to = "" if stays else deployment.get_absolute_url()
    return reload_if(request, marker=view.marker(deployment), moved_to=moved_to)


@require_POST
@may(CHANGE, "apply")
def change_apply(request: AuthedRequest, pk: int) -> HttpResponse:
    """Apply the preview whose digest the page shows."""
    deployment = deployment_or_404(request, pk)
    try:
        applied = apply.apply_change(
            user=request.user,
            deployment=deployment,
            digest=request.POST.get("digest", ""),
            typed_name=request.POST.get("typed_name", ""),
            in_line="in_line" in request.POST,
            keep_on_failure=request.POST.get("on_failure") == "keep",
            go_back="go_back" in request.POST,
            snapshot_first="snapshot_first" in request.POST,
            scheduled_for=schedule.scheduled_time(request.POST.dict()),
        )
        return redirect(applied)
    except UserFixable as problem:
        if problem.field == schedule.FIELD:
            return preview_with(request, deployment, schedule_error=error_text(problem))
        messages.error(request, error_text(problem))
        return redirect(deployment)


@require_POST
def change_discard(request: AuthedRequest, pk: int) -> HttpResponse:
    """Discard a change that has not begun, or a waiting deletion; the permission depends on the kind."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        return redirect(apply.discard_change(user=request.user, deployment=deployment))
    return redirect(deployment)


@require_POST
@may(CHANGE, "preview")
def change_preview(request: AuthedRequest, pk: int) -> HttpResponse:
    """Compute the preview of a change again."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        return redirect(apply.preview_again(user=request.user, deployment=deployment))
    return redirect(deployment)


@require_POST
@may(CHANGE, "change")
def deployment_roll_back(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request the preview of a change back to an earlier deployment."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        return redirect(
            preview.request_rollback(
                user=request.user, deployment=deployment, reason="", request_key=request_key_of(request)
            )
        )
    return redirect(deployment)
