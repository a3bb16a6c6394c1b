"""The list of open approval requests: its rows, search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.access.models.permissions import Person
from deployments.changes.models.approvals import ApprovalQuerySet
from deployments.changes.models.visible_approvals import visible_approvals
from deployments.common.pages.choices import MAX_SEARCH, parse_number
from deployments.common.pages.lists import (
    PAGE,
    ListControls,
    ListOrder,
    order_filter,
    page_in_order,
    read_moment,
)
from deployments.environments.models.environments import Environment
from deployments.template_sets.display.place_filters import label_filter, place_filters

ORDERS = {
    "": ListOrder(label=gettext_lazy("Expiring soonest"), column="expires_at", read=read_moment),
    "newest": ListOrder(label=gettext_lazy("Newest first")),
    "name": ListOrder(label=gettext_lazy("By environment"), column="deployment__environment__name"),
    "account": ListOrder(label=gettext_lazy("By account"), column="deployment__environment__account__name"),
    "user": ListOrder(label=gettext_lazy("By user"), column="requested_by__username"),
}


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of the rows that match a query: a page of the open requests."""
    rows = _narrowed(visible_approvals(user).waiting().for_list(), given)
    found, more = page_in_order(rows, ORDERS, given, PAGE)
    return {
        "rows": found,
        "more": more,
        "given": given,
        "caption": _("Requests for approval: %(order)s")
        % {"order": ORDERS.get(given.get("sort", ""), ORDERS[""]).label},
        "controls": SimpleLazyObject(lambda: _controls(given, user)),
    }


def _narrowed(rows: ApprovalQuerySet, given: QueryDict) -> ApprovalQuerySet:
    environments = Environment.objects.all()
    if given.get("account"):
        rows = rows.about(environments.in_account(parse_number(given.get("account"))))
    if given.get("set"):
        rows = rows.about(environments.of_source(parse_number(given.get("set"))))
    if given.get("label"):
        key, _equals, value = str(given.get("label")).partition("=")
        rows = rows.about(environments.with_label(key, value))
    return rows.matching(str(given["q"])[:MAX_SEARCH]) if given.get("q") else rows


def _controls(given: QueryDict, user: Person) -> ListControls:
    return ListControls(
        given=given,
        searched=_("Environment, user or key=value"),
        filters=[*place_filters(given, user), label_filter(given, user), order_filter(given, ORDERS)],
    )
