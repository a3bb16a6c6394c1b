"""The list of environments."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.pages.requests import AuthedRequest
from deployments.changes.display.approvals import waiting_number
from deployments.environment_pages.pages.environment_list import rows_context


@require_GET
@vary_on_headers("HX-Request")
@gzip_page
def environment_list(request: AuthedRequest) -> HttpResponse:
    """Show all environments, problems first, filtered by the query; for htmx only the rows."""
    context = rows_context(request.GET, request.user)
    if request.htmx:
        return render(request, "environment_pages/_environment_rows.html", context)
    context |= {"waiting_for_approval": waiting_number(request.user)}
    return render(request, "environment_pages/environments.html", context)
