"""The list of environments."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.models import Account, Environment
from deployments.models.environment import EnvironmentQuerySet, EnvironmentState
from deployments.presentation.filters.choices import CURSOR, filter_choices, parse_number, query
from deployments.presentation.health.list_strip import list_strips
from deployments.views.requests import AuthedRequest

PAGE = 50
STANDINGS = {
    standing.name.lower(): standing
    for standing in EnvironmentState
    if standing is not EnvironmentState.DELETED
}


@require_GET
@vary_on_headers("HX-Request")
@gzip_page
def environment_list(request: AuthedRequest) -> HttpResponse:
    """Show every environment, problems first, narrowed by the query; its rows alone to htmx."""
    context = _rows(request.GET)
    if request.htmx:
        return render(request, "deployments/_environment_rows.html", context)
    return render(
        request, "deployments/environments.html", context | _filters(request.GET, context["counts"])
    )


def _narrowed(given: QueryDict) -> EnvironmentQuerySet:
    rows = Environment.objects.all() if given.get("deleted") else Environment.objects.live()
    return rows.in_account(parse_number(given.get("account"))) if given.get("account") else rows


def _rows(given: QueryDict) -> dict[str, Any]:
    rows = _narrowed(given).for_list()
    standing = STANDINGS.get(str(given.get("status")))
    if standing is not None:  # the most urgent one is 0
        rows = rows.in_state(standing)
    if place := _place(given.get(CURSOR, "")):
        rows = rows.after(*place)
    found: list[Any] = list(rows[: PAGE + 1])  # each with its `standing`
    last = found[PAGE - 1] if len(found) > PAGE else None
    strips = list_strips(found[:PAGE])
    for row in found[:PAGE]:
        row.strip = strips[row.pk]
    return {
        "rows": found[:PAGE],
        "counts": _narrowed(given).state_counts(),
        "more": query(given, after=f"{last.standing}-{last.pk}") if last else "",
        "given": given,
    }


def _place(text: str) -> tuple[int, int] | None:
    """Return (standing, pk) of the last row of the page before, None for the first page."""
    standing, dash, pk = text.partition("-")
    return (parse_number(standing), parse_number(pk)) if dash else None


def _filters(given: QueryDict, counts: dict[int, int]) -> dict[str, Any]:
    accounts = list(Account.objects.all())
    return {
        "by_status": filter_choices(
            given,
            "status",
            [
                ("", _("All"), sum(counts.values())),
                *((name, standing.label, counts.get(standing, 0)) for name, standing in STANDINGS.items()),
            ],
        ),
        "by_account": filter_choices(
            given, "account", [("", _("All accounts"), None), *((str(a.pk), a.name, None) for a in accounts)]
        ),
        "by_deleted": filter_choices(
            given, "deleted", [("", _("Live only"), None), ("1", _("Deleted too"), None)]
        ),
        "accounts": accounts,
    }
