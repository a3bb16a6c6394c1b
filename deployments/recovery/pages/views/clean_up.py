"""Cleaning up after a failed creation: request the deletion, whose page leads back to the form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from deployments.access.commands.requesting import DELETE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.recovery.commands.clean_up import request_clean_up


@require_POST
@may(DELETE, "clean_up")
def deployment_clean_up(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request the deletion of the remains, and redirect to its page, which opens the form at the end."""
    deployment = deployment_or_404(request, pk)
    try:
        deletion = request_clean_up(user=request.user, deployment=deployment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(deployment)
    return redirect(f"{deletion.get_absolute_url()}?then=retry")
