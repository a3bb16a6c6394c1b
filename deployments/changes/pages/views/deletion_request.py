"""The page of a deletion that waits for approval."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.display.approvals import approval_context
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.environments.models.deployments import Deployment


@require_GET
@never_cache
def deletion_request(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a deletion that waits for approval or was denied; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        return _deletion_with(request, deployment) if deployment.is_deletion_request else redirect(deployment)
    response = HttpResponse(status=204)
    if not deployment.is_deletion_request:
        response["HX-Redirect"] = deployment.get_absolute_url()
    elif request.GET.get("marker") != _marker(deployment):
        response["HX-Refresh"] = "true"
    return response


def _deletion_with(request: AuthedRequest, deployment: Deployment, **problem: Any) -> HttpResponse:
    """Show a deletion that waits for approval, with the errors of a form that its page submitted."""
    context: dict[str, Any] = {
        "deployment": deployment,
        "environment": deployment.environment,
        "marker": _marker(deployment),
        "sent": request.POST,
    }
    context |= approval_context(deployment, request.user) | deletion_summary(deployment.environment)
    status = 422 if problem else 200
    return render(request, "changes/deletion_request.html", context | problem, status=status)


def _marker(deployment: Deployment) -> str:
    return f"{deployment.state}-{deployment.cancel_code}"
