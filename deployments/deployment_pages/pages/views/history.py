"""The list of all deployments."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.pages.requests import AuthedRequest
from deployments.deployment_pages.pages.deployment_list import rows_context


@require_GET
@vary_on_headers("HX-Request")
def deployment_list(request: AuthedRequest) -> HttpResponse:
    """Show all deployments, filtered by the query; for htmx only the rows."""
    template = "_history_rows.html" if request.htmx else "history.html"
    return render(request, f"deployment_pages/{template}", rows_context(request.GET, request.user))
