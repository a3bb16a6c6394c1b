"""The list of accounts with the results of their tests, with search, filter and order."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from deployments.accounts.display.connection import connection_status
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import Result
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.environments.models.accounts import Account

ACCOUNTS = ListDeclaration(
    searched=_("Name, region or role"),
    search=lambda rows, text: rows.filter(
        Q(name__icontains=text) | Q(region__icontains=text) | Q(role_arn__icontains=text)
    ),
    orders={
        "": ListOrder(label=_("By name"), column="name"),
        "newest": ListOrder(label=_("Newest first")),
        "region": ListOrder(label=_("By region"), column="region"),
    },
    narrowings=[
        Narrowing(
            name="connection",
            label=_("Connection"),
            everything=_("All"),
            choices=[
                (Result.PROBLEM, pgettext_lazy("connection", "Failed")),
                (Result.WARNING, pgettext_lazy("connection", "Warning")),
            ],
            keep=lambda rows, value: rows.filter(connection_test__result=value),
        )
    ],
)


def accounts_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the accounts that match a query, each with the status of its connection."""
    open_environments = Count("environments", filter=Q(environments__deleted_at=None), distinct=True)
    rows = Account.objects.usable().annotate(environment_count=open_environments)
    context = ACCOUNTS.context(rows, given)
    tests = ConnectionTest.objects.filter(account__in=context["rows"]).by_account()
    return context | {"rows": [(one, connection_status(tests.get(one.pk))) for one in context["rows"]]}
