"""The list of all deployments, newest first."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access import visible_deployments, visible_environments
from deployments.models.deployment_queries import DeploymentQuerySet
from deployments.presentation.filters.choices import (
    CURSOR,
    MAX_SEARCH,
    filter_choices,
    kept_values,
    parse_number,
    query,
)
from deployments.views.requests import AuthedRequest

PAGE = 50


@require_GET
@vary_on_headers("HX-Request")
def deployment_list(request: AuthedRequest) -> HttpResponse:
    """Show all deployments, filtered by the query; for htmx only the rows."""
    given = request.GET
    pk = parse_number(given.get("environment"))
    environment = visible_environments(request.user).in_bulk([pk]).get(pk)
    rows = _by_status(visible_deployments(request.user).for_list(), given.get("status", ""))
    rows = rows.of(environment) if environment else rows.without_recordings()
    if given.get("q"):
        rows = rows.matching(str(given["q"])[:MAX_SEARCH])
    if given.get(CURSOR):
        rows = rows.before(parse_number(given[CURSOR]))
    found = list(rows[: PAGE + 1])
    choices = [("", _("All"), None), ("active", _("In progress"), None), ("waiting", _("Waiting"), None)]
    choices.append(("problems", _("Problems"), None))
    context = {
        "rows": found[:PAGE],
        "more": query(given, after=str(found[PAGE - 1].pk)) if len(found) > PAGE else "",
        "given": given,
        "kept": kept_values(given, "q"),
        "environment": environment,
        "by_status": filter_choices(given, "status", choices),
    }
    template = "_history_rows.html" if request.htmx else "history.html"
    return render(request, f"deployments/{template}", context)


def _by_status(rows: DeploymentQuerySet, status: str) -> DeploymentQuerySet:
    return {"active": rows.active, "waiting": rows.waiting, "problems": rows.failed_or_rolled_back}.get(
        status, lambda: rows
    )()
