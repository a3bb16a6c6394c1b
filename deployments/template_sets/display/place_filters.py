"""The filters of lists by account and label, as far as the person may view them."""

from __future__ import annotations

from typing import TypeVar

from django.http import QueryDict
from django.utils.translation import gettext as _

from deployments.access.models.grants import Label
from deployments.access.models.permissions import Person, visible_accounts, visible_environments
from deployments.common.pages.choices import parse_number
from deployments.common.pages.lists import ListFilter, list_filter, value_filter
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.environments import EnvironmentQuerySet
from deployments.template_sets.models.sources import TemplateSource

PlacedRows = TypeVar("PlacedRows", EnvironmentQuerySet, DeploymentQuerySet)
MOST_LABELS = 100
"""Maximum number of labels in the filter; the search finds all others."""


def in_places(rows: PlacedRows, given: QueryDict) -> PlacedRows:
    """Keep the rows in the account, of the template set and with the label of an address."""
    if given.get("account"):
        rows = rows.in_account(parse_number(given.get("account")))
    if given.get("set"):
        rows = rows.of_source(parse_number(given.get("set")))
    return rows.with_label(*str(given["label"]).partition("=")[::2]) if given.get("label") else rows


def place_filters(given: QueryDict, user: Person) -> list[ListFilter]:
    """Return the filters by account, template set and label, for a list of environments or their contents."""
    accounts = Account.objects.usable().filter(visible_accounts(user)).order_by("name")
    by_account = [(str(pk), name, None) for pk, name in accounts.values_list("pk", "name").distinct()]
    sources = TemplateSource.objects.live().values_list("pk", "name")
    by_set = [(str(pk), name, None) for pk, name in sources]
    labels = Label.objects.in_use(visible_environments(user).live().without_recordings(), MOST_LABELS)
    return [
        list_filter(given, "account", _("Account"), [("", _("All accounts"), None), *by_account], least=2),
        list_filter(given, "set", _("Template set"), [("", _("All template sets"), None), *by_set], least=2),
        value_filter(given, "label", _("Label"), _("All labels"), map(str, labels)),
    ]
