"""The list of the API tokens of a user or service account: its rows, search, filter and orders."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from deployments.access.models.tokens import ApiToken
from deployments.common.pages.choices import MAX_SEARCH
from deployments.common.pages.lists import (
    PAGE,
    Choices,
    ListControls,
    ListOrder,
    list_filter,
    order_filter,
    page_in_order,
)

ORDERS = {
    "": ListOrder(label=gettext_lazy("Newest first")),
    "name": ListOrder(label=gettext_lazy("By name"), column="name"),
}


def rows_context(given: QueryDict, owner: User) -> dict[str, Any]:
    """Return the context of a page of the tokens that match a query."""
    now = timezone.now()
    rows = ApiToken.objects.of(owner.pk).in_status(given.get("status", ""), now)
    if given.get("q"):
        rows = rows.matching(str(given["q"]).strip()[:MAX_SEARCH])
    found, more = page_in_order(rows, ORDERS, given, PAGE)
    states: Choices = [
        ("", _("All"), None),
        ("active", pgettext("token", "Active"), None),
        ("suspended", pgettext("token", "Suspended"), None),
        ("expired", _("Expired"), None),
        ("revoked", pgettext("token", "Revoked"), None),
    ]
    controls = ListControls(
        given=given,
        searched=_("Name or beginning of the token"),
        filters=[list_filter(given, "status", _("Status"), states), order_filter(given, ORDERS)],
    )
    return {"rows": found, "more": more, "given": given, "controls": controls, "now": now}
