"""The list of the API tokens of a user or service account: its search, filter and orders."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing

TOKENS = ListDeclaration(
    searched=_("Name or beginning of the token"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=_("Newest first")),
        "name": ListOrder(label=_("By name"), column="name"),
    },
    narrowings=[
        Narrowing(
            name="status",
            label=_("Status"),
            everything=_("All"),
            choices=[
                ("active", pgettext_lazy("token", "Active")),
                ("suspended", pgettext_lazy("token", "Suspended")),
                ("expired", _("Expired")),
                ("revoked", pgettext_lazy("token", "Revoked")),
            ],
            keep=lambda rows, value: rows.in_status(value, timezone.now()),
        )
    ],
)
