"""Requests about changes: apply, discard or compute a preview again, go back to an earlier deployment."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from deployments.actions import change
from deployments.errors import UserFixable
from deployments.models import Deployment
from deployments.views.requests import AuthedRequest
from deployments.wording import error_text


@require_POST
def change_apply(request: AuthedRequest, pk: int) -> HttpResponse:
    """Apply the preview whose digest the page shows."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    try:
        change.apply_change(
            user=request.user,
            deployment=deployment,
            digest=request.POST.get("digest", ""),
            typed_name=request.POST.get("typed_name", ""),
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(deployment)


@require_POST
def change_discard(request: AuthedRequest, pk: int) -> HttpResponse:
    """Discard a change that has not begun."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    try:
        change.discard_change(user=request.user, deployment=deployment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(deployment)


@require_POST
def change_preview(request: AuthedRequest, pk: int) -> HttpResponse:
    """Compute the preview of a change again."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    try:
        change.preview_again(user=request.user, deployment=deployment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(deployment)


@require_POST
def deployment_roll_back(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request the preview of a change back to an earlier deployment."""
    deployment = get_object_or_404(Deployment.objects.for_page(), pk=pk)
    try:
        key = uuid.UUID(request.POST.get("request_key", ""))
    except ValueError:
        key = uuid.uuid4()
    try:
        requested = change.request_rollback(
            user=request.user, deployment=deployment, reason="", request_key=key
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(deployment)
    return redirect(requested)
