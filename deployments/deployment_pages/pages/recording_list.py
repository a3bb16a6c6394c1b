"""The list of imported recordings: its rows, search, filter and orders."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.common.pages.choices import MAX_SEARCH
from deployments.common.pages.lists import (
    PAGE,
    Choices,
    ListControls,
    ListOrder,
    list_filter,
    order_filter,
    page_in_order,
    read_moment,
)
from deployments.deployment_pages import recordings
from deployments.environments.models.deployment_queries import DeploymentQuerySet

ORDERS = {
    "": ListOrder(label=gettext_lazy("Newest import first")),
    "recorded": ListOrder(
        label=gettext_lazy("Oldest recording first"), column="created_at", read=read_moment
    ),
    "name": ListOrder(label=gettext_lazy("By environment"), column="environment__name"),
}


def rows_context(given: QueryDict, visible: DeploymentQuerySet) -> dict[str, Any]:
    """Return the context of a page of the visible imported recordings that match a query."""
    rows = recordings.imported(visible)
    if given.get("q"):
        rows = rows.matching(str(given["q"])[:MAX_SEARCH])
    if given.get("status") == "problems":
        rows = rows.failed_or_rolled_back()
    found, more = page_in_order(rows, ORDERS, given, PAGE)
    order = ORDERS.get(given.get("sort", ""), ORDERS[""])
    states: Choices = [("", _("All"), None), ("problems", _("Problems"), None)]
    return {
        "imported": found,
        "more": more,
        "caption": _("Imported recordings: %(order)s") % {"order": order.label},
        "controls": ListControls(
            given=given,
            searched=_("Environment or user"),
            filters=[list_filter(given, "status", _("Status"), states), order_filter(given, ORDERS)],
        ),
    }
