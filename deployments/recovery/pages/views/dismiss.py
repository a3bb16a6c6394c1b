"""Dismissing the failure of a change, from the line on the environment's page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.recovery.commands.dismiss import dismiss_failure


@require_POST
@may(CHANGE, "dismiss_failure")
def deployment_dismiss(request: AuthedRequest, pk: int) -> HttpResponse:
    """Dismiss the failure, and return to the environment's page."""
    deployment = deployment_or_404(request, pk)
    try:
        dismiss_failure(user=request.user, deployment=deployment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        messages.success(request, _("Failure dismissed for everybody. It stays in the history."))
    return redirect(deployment.environment)
