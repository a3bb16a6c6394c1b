"""The list of deployments: its rows, search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import Person, visible_deployments, visible_environments
from deployments.access.pages.requests import AuthedRequest
from deployments.common.pages.choices import MAX_SEARCH, parse_number
from deployments.common.pages.lists import (
    PAGE,
    Choices,
    ListControls,
    ListOrder,
    list_filter,
    order_filter,
    page_in_order,
)
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.environments import Environment
from deployments.template_sets.display.place_filters import label_filter, place_filters

ORDERS = {
    "": ListOrder(label=gettext_lazy("Newest first")),
    "oldest": ListOrder(label=gettext_lazy("Oldest first"), is_oldest_first=True),
    "name": ListOrder(label=gettext_lazy("By environment"), column="environment__name"),
    "account": ListOrder(label=gettext_lazy("By account"), column="environment__account__name"),
    "user": ListOrder(label=gettext_lazy("By user"), column="requested_by__username"),
}


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of a page of the rows that match a query."""
    pk = parse_number(given.get("environment"))
    environment = visible_environments(user).in_bulk([pk]).get(pk)
    rows = _narrowed(visible_deployments(user).for_list(), given)
    rows = rows.of(environment) if environment else rows.without_recordings()
    found, more = page_in_order(rows, ORDERS, given, PAGE)
    order = ORDERS.get(given.get("sort", ""), ORDERS[""])
    return {
        "rows": found,
        "more": more,
        "given": given,
        "environment": environment,
        "caption": _("Deployments: %(order)s") % {"order": order.label},
        "controls": SimpleLazyObject(lambda: _controls(given, environment, user)),
    }


def _narrowed(rows: DeploymentQuerySet, given: QueryDict) -> DeploymentQuerySet:
    by_status = {"active": rows.active, "waiting": rows.waiting, "problems": rows.failed_or_rolled_back}
    rows = by_status.get(given.get("status", ""), lambda: rows)()
    if given.get("account"):
        rows = rows.in_account(parse_number(given.get("account")))
    if given.get("set"):
        rows = rows.of_source(parse_number(given.get("set")))
    if given.get("label"):
        key, _equals, value = str(given.get("label")).partition("=")
        rows = rows.with_label(key, value)
    return rows.matching(str(given["q"])[:MAX_SEARCH]) if given.get("q") else rows


def _controls(given: QueryDict, environment: Environment | None, user: Person) -> ListControls:
    states: Choices = [
        ("", _("All"), None),
        ("active", _("In progress"), None),
        ("waiting", _("Waiting"), None),
        ("problems", _("Problems"), None),
    ]
    one: Choices = [(str(environment.pk), environment.name, None)] if environment else []
    of = [("", _("All environments"), None), *one]
    return ListControls(
        given=given,
        searched=_("Environment, user or key=value"),
        filters=[
            list_filter(given, "status", _("Status"), states),
            *([list_filter(given, "environment", _("Environment"), of)] if environment else []),
            *place_filters(given, user),
            label_filter(given, user),
            order_filter(given, ORDERS),
        ],
    )


@require_GET
@vary_on_headers("HX-Request")
def deployment_list(request: AuthedRequest) -> HttpResponse:
    """Show all deployments, filtered by the query; for htmx only the rows."""
    template = "_history_rows.html" if request.htmx else "history.html"
    return render(request, f"deployment_pages/{template}", rows_context(request.GET, request.user))
