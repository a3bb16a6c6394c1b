"""The list of accounts with the results of their tests, with search, filter and order."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.accounts.display.connection import connection_status
from deployments.accounts.models import ConnectionTest
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
from deployments.environments.models.accounts import Account

_ORDERS = {
    "": ListOrder(label=gettext_lazy("By name"), column="name"),
    "newest": ListOrder(label=gettext_lazy("Newest first")),
    "region": ListOrder(label=gettext_lazy("By region"), column="region"),
}


def accounts_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the accounts that match a query, each with the status of its connection."""
    rows = Account.objects.usable().annotate(
        environment_count=Count("environments", filter=Q(environments__deleted_at=None), distinct=True)
    )
    if given.get("q"):
        text = str(given["q"]).strip()[:MAX_SEARCH]
        rows = rows.filter(Q(name__icontains=text) | Q(region__icontains=text) | Q(role_arn__icontains=text))
    if given.get("connection") == "problem":
        rows = rows.filter(connection_test__result="problem")
    accounts, more = page_in_order(rows, _ORDERS, given, PAGE)
    tests = ConnectionTest.objects.filter(account__in=accounts).by_account()
    found = [(one, connection_status(tests.get(one.pk))) for one in accounts]
    by_result: Choices = [("", _("All"), None), ("problem", _("Failed"), None)]
    controls = ListControls(
        given=given,
        searched=_("Name, region or role"),
        filters=[
            list_filter(given, "connection", _("Connection"), by_result),
            order_filter(given, _ORDERS),
        ],
    )
    return {"rows": found, "more": more, "given": given, "controls": controls}
