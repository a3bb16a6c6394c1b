"""The list of environments."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.presentation.approvals import waiting_number
from deployments.presentation.environment_list import rows_context
from deployments.views.requests import AuthedRequest


@require_GET
@vary_on_headers("HX-Request")
@gzip_page
def environment_list(request: AuthedRequest) -> HttpResponse:
    """Show all environments, problems first, filtered by the query; for htmx only the rows."""
    context = rows_context(request.GET, request.user)
    if request.htmx:
        return render(request, "deployments/_environment_rows.html", context)
    context |= {"waiting_for_approval": waiting_number(request.user)}
    return render(request, "deployments/environments.html", context)
