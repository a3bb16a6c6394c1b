"""The page of a creation that waits for its scheduled time, and the form that changes it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import DEPLOY
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.commands.reschedule import reschedule
from deployments.changes.pages.forms import schedule
from deployments.changes.pages.scheduled_creation import marker, scheduled_context
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text


@require_GET
@never_cache
def scheduled_creation(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a creation that waits for its time; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        if not deployment.is_scheduled_creation:
            return redirect(deployment)
        return render(request, "changes/scheduled_creation.html", scheduled_context(deployment))
    response = HttpResponse(status=204)
    if not deployment.is_scheduled_creation:
        response["HX-Redirect"] = deployment.get_absolute_url()
    elif request.GET.get("marker") != marker(deployment):
        response["HX-Refresh"] = "true"
    return response


@require_POST
@may(DEPLOY, "reschedule")
def scheduled_time_change(request: AuthedRequest, pk: int) -> HttpResponse:
    """Give a creation that waits another time, or begin it now."""
    deployment = deployment_or_404(request, pk)
    sent = request.POST.dict()
    try:
        at = None if "now" in sent else schedule.scheduled_time(sent | {"when": schedule.LATER})
        return redirect(reschedule(user=request.user, deployment=deployment, scheduled_for=at))
    except UserFixable as problem:
        if problem.field == schedule.FIELD and deployment.is_scheduled_creation:
            context = scheduled_context(deployment, sent, error_text(problem))
            return render(request, "changes/scheduled_creation.html", context, status=422)
        messages.error(request, error_text(problem))
        return redirect(deployment)
