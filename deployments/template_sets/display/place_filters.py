"""The filters of lists by account and label, as far as the person may view them."""

from __future__ import annotations

from django.http import QueryDict
from django.utils.translation import gettext as _

from deployments.access.models.grants import Label
from deployments.access.models.permissions import Person, visible_accounts, visible_environments
from deployments.common.pages.lists import ListFilter, list_filter, value_filter
from deployments.environments.models.accounts import Account
from deployments.template_sets.models.sources import TemplateSource

MOST_LABELS = 100
"""Maximum number of labels in the filter; the search finds all others."""


def label_filter(given: QueryDict, user: Person) -> ListFilter:
    """Return the filter by label, with the labels of environments that a person may view."""
    labels = Label.objects.in_use(visible_environments(user).live().without_recordings(), MOST_LABELS)
    return value_filter(given, "label", _("Label"), _("All labels"), map(str, labels))


def place_filters(given: QueryDict, user: Person) -> list[ListFilter]:
    """Return the filters by account and template set, for a list of environments or their contents."""
    accounts = Account.objects.usable().filter(visible_accounts(user)).order_by("name")
    by_account = [(str(pk), name, None) for pk, name in accounts.values_list("pk", "name").distinct()]
    sources = TemplateSource.objects.live().values_list("pk", "name")
    by_set = [(str(pk), name, None) for pk, name in sources]
    return [
        list_filter(given, "account", _("Account"), [("", _("All accounts"), None), *by_account], least=2),
        list_filter(given, "set", _("Template set"), [("", _("All template sets"), None), *by_set], least=2),
    ]
