"""The list of deployments: its rows, search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import Person, visible_deployments, visible_environments
from deployments.access.pages.requests import AuthedRequest
from deployments.common.pages.choices import parse_number
from deployments.common.pages.lists import (
    Choices,
    ListDeclaration,
    ListFilter,
    ListOrder,
    Narrowing,
    list_filter,
)
from deployments.environments.models.environments import Environment
from deployments.template_sets.display.place_filters import in_places, place_filters

DEPLOYMENTS = ListDeclaration(
    caption=_("Deployments: %(order)s"),
    searched=_("Environment, user or key=value"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=_("Newest first")),
        "oldest": ListOrder(label=_("Oldest first"), is_oldest_first=True),
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
        )
    ],
)


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of a page of the rows that match a query."""
    pk = parse_number(given.get("environment"))
    environment = visible_environments(user).in_bulk([pk]).get(pk)
    rows = in_places(visible_deployments(user).for_list(), given)
    rows = rows.of(environment) if environment else rows.without_recordings()
    context = DEPLOYMENTS.context(
        rows, given, lambda: [*_chosen(given, environment), *place_filters(given, user)]
    )
    return context | {"environment": environment}


def _chosen(given: QueryDict, environment: Environment | None) -> list[ListFilter]:
    """Return the filter by the environment that was chosen on its page."""
    if environment is None:
        return []
    choices: Choices = [("", _("All environments"), None), (str(environment.pk), environment.name, None)]
    return [list_filter(given, "environment", gettext("Environment"), choices)]


@require_GET
@vary_on_headers("HX-Request")
def deployment_list(request: AuthedRequest) -> HttpResponse:
    """Show all deployments, filtered by the query; for htmx only the rows."""
    template = "_history_rows.html" if request.htmx else "history.html"
    return render(request, f"deployment_pages/{template}", rows_context(request.GET, request.user))
