"""The filters of lists by account, template set, label and environment, as far as the person may view them.

Rows of such a list have the named queries `in_account`, `of_source` and `with_label`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext_lazy as _

from deployments.access.models.grants import Label
from deployments.access.models.permissions import (
    Person,
    can_somewhere,
    visible_accounts,
    visible_environments,
)
from deployments.access.rules.roles import Right
from deployments.common.pages.choices import parse_number
from deployments.common.pages.lists import Narrowing
from deployments.environments.models.accounts import Account
from deployments.template_sets.models.sources import TemplateSource

MOST_LABELS = 100
"""Maximum number of labels in the filter; the search finds all others."""


def _accounts(user: Person, _value: str) -> Iterable[tuple[str, str]]:
    rows = Account.objects.usable().filter(visible_accounts(user)).order_by("name")
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name").distinct()]


def _sets(user: Person, _value: str) -> Iterable[tuple[str, str]]:
    views_sets = can_somewhere(user, Right.VIEW)
    rows = (TemplateSource.objects.live() if views_sets else TemplateSource.objects.none()).values_list(
        "pk", "name"
    )
    return [(str(pk), name) for pk, name in rows]


def _labels(user: Person, value: str) -> Iterable[tuple[str, str]]:
    rows = Label.objects.in_use(visible_environments(user).live().without_recordings(), MOST_LABELS)
    return [(one, one) for one in dict.fromkeys([*map(str, rows), *filter(None, [value])])]


def environment_choices(user: Person, value: str) -> Iterable[tuple[str, str]]:
    """Return the environment that was chosen on its page, if the person may view it."""
    pk = parse_number(value)
    found = visible_environments(user).in_bulk([pk]) if pk else {}
    return [(str(pk), one.name) for pk, one in found.items()]


PLACES: Final = (
    Narrowing(
        name="account",
        label=_("Account"),
        everything=_("All accounts"),
        choices=_accounts,
        keep=lambda rows, value: rows.in_account(parse_number(value)),
        least=2,
    ),
    Narrowing(
        name="set",
        label=_("Template set"),
        everything=_("All template sets"),
        choices=_sets,
        keep=lambda rows, value: rows.of_source(parse_number(value)),
        least=2,
    ),
    Narrowing(
        name="label",
        label=_("Label"),
        everything=_("All labels"),
        choices=_labels,
        keep=lambda rows, value: rows.with_label(*value.partition("=")[::2]),
    ),
)
"""The filters by account, template set and label, for a list of environments or their contents."""
