"""The details of one row of a deployment's page."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.deployment_pages.pages.waterfall import inspector


@require_GET
@never_cache
def deployment_row(request: HttpRequest, pk: int, path: str = "") -> HttpResponse:
    """Show the details of the row at a path; the root's is ""."""
    deployment = deployment_or_404(request, pk)
    details = inspector.details_at(deployment, path.strip("/"))
    if details is None:
        raise Http404
    return render(request, "deployment_pages/_inspector.html", {"details": details, "deployment": deployment})
