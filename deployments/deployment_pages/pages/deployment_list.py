"""The list of deployments: its rows, search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import Person, visible_deployments, visible_environments
from deployments.access.pages.requests import AuthedRequest
from deployments.common.pages.choices import parse_number
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.template_sets.display.place_filters import PLACES, environment_choices

DEPLOYMENTS = ListDeclaration(
    caption=_("Deployments: %(order)s"),
    searched=_("Environment, user or key=value"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=_("Newest first")),
        "oldest": ListOrder(label=_("Oldest first"), is_reversed=True),
        "name": ListOrder(label=_("By environment"), column="environment__name"),
        "account": ListOrder(label=_("By account"), column="environment__account__name"),
        "user": ListOrder(label=_("By user"), column="requested_by__username"),
    },
    narrowings=[
        Narrowing(
            name="status",
            label=_("Status"),
            everything=_("All"),
            choices=[("active", _("In progress")), ("waiting", _("Waiting")), ("problems", _("Problems"))],
            keep=lambda rows, value: {
                "active": rows.active,
                "waiting": rows.waiting,
                "problems": rows.failed_or_rolled_back,
            }.get(value, rows.all)(),
        ),
        Narrowing(
            name="environment",
            label=_("Environment"),
            everything=_("All environments"),
            choices=environment_choices,
            keep=lambda rows, value: rows.in_environment(parse_number(value)),
            default=lambda rows: rows.without_recordings(),
        ),
        *PLACES,
    ],
)


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of a page of the rows that match a query, with the environment of the query."""
    pk = parse_number(given.get("environment"))
    environment = visible_environments(user).in_bulk([pk]).get(pk) if pk else None
    rows = visible_deployments(user).for_list()
    return DEPLOYMENTS.context(rows, given, user) | {"environment": environment}


@require_GET
@vary_on_headers("HX-Request")
def deployment_list(request: AuthedRequest) -> HttpResponse:
    """Show all deployments, filtered by the query; for htmx only the rows."""
    template = "_history_rows.html" if request.htmx else "history.html"
    return render(request, f"deployment_pages/{template}", rows_context(request.GET, request.user))
