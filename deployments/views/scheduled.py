"""The page of a creation that waits for its scheduled time."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.presentation.scheduled_creation import marker, scheduled_context
from deployments.views.requests import AuthedRequest
from deployments.views.visible import deployment_or_404


@require_GET
@never_cache
def scheduled_creation(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a creation that waits for its time; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        if not deployment.is_scheduled_creation:
            return redirect(deployment)
        return render(request, "deployments/scheduled_creation.html", scheduled_context(deployment))
    response = HttpResponse(status=204)
    if not deployment.is_scheduled_creation:
        response["HX-Redirect"] = deployment.get_absolute_url()
    elif request.GET.get("marker") != marker(deployment):
        response["HX-Refresh"] = "true"
    return response
