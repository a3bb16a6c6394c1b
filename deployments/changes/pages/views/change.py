"""Requests about changes: apply, discard or renew a preview, go back to an earlier deployment."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may, request_key_of
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.commands import apply, open_change, preview
from deployments.changes.pages.forms import schedule
from deployments.changes.pages.views.preview import preview_with
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment


def _requested(
    request: AuthedRequest, deployment: Deployment, action: Callable[[], Deployment]
) -> HttpResponse:
    """Call a request, and redirect to its deployment, where a refusal is shown."""
    try:
        return redirect(action())
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(deployment)


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
    discard = partial(open_change.discard_change, user=request.user, deployment=deployment)
    return _requested(request, deployment, discard)


@require_POST
@may(CHANGE, "preview")
def change_preview(request: AuthedRequest, pk: int) -> HttpResponse:
    """Compute the preview of a change again."""
    deployment = deployment_or_404(request, pk)
    again = partial(open_change.preview_again, user=request.user, deployment=deployment)
    return _requested(request, deployment, again)


@require_POST
@may(CHANGE, "change")
def deployment_roll_back(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request the preview of a change back to an earlier deployment."""
    deployment = deployment_or_404(request, pk)
    go_back = partial(
        preview.request_rollback,
        user=request.user,
        deployment=deployment,
        reason="",
        request_key=request_key_of(request),
    )
    return _requested(request, deployment, go_back)
