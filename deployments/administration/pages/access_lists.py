"""The lists of people and service accounts, of teams and of accounts, with search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.access.models.grants import ROLE_NAMES, Grant, Team
from deployments.access.models.permissions import whole_accounts
from deployments.access.rules.roles import Right, Scope
from deployments.administration.models.invitations import mark_void
from deployments.administration.pages.access_pages import people
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

PEOPLE_ORDERS = {
    "": ListOrder(label=gettext_lazy("By user name"), column="username"),
    "newest": ListOrder(label=gettext_lazy("Newest first")),
    "oldest": ListOrder(label=gettext_lazy("Oldest first"), is_oldest_first=True),
}
ORDERS = {
    "": ListOrder(label=gettext_lazy("By name"), column="name"),
    "newest": ListOrder(label=gettext_lazy("Newest first")),
}
ACCOUNT_ORDERS = {**ORDERS, "region": ListOrder(label=gettext_lazy("By region"), column="region")}


def people_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the users that match a query, with a summary of their teams and roles."""
    found: list[Any]
    found, more = page_in_order(_people(given), PEOPLE_ORDERS, given, PAGE)
    roles = Grant.objects.roles_of([row.pk for row in found])
    mark_void(row.invitation for row in found if hasattr(row, "invitation"))
    for row in found:
        row.roles = sorted(str(name) for role, name in ROLE_NAMES if role in roles[row.pk])
    kinds: Choices = [
        ("", _("All"), None),
        ("people", _("People"), None),
        ("invited", _("Invited"), None),
        ("service", _("Service accounts"), None),
    ]
    active: Choices = [("", _("Active"), None), ("1", _("Include inactive"), None)]
    by_role: Choices = [("", _("All roles"), None), *((role, name, None) for role, name in ROLE_NAMES)]
    controls = ListControls(
        given=given,
        searched=_("Username, email or team"),
        filters=[
            list_filter(given, "kind", _("Kind"), kinds),
            list_filter(given, "role", _("Role"), by_role),
            list_filter(given, "inactive", _("Active"), active, hides=False),
            order_filter(given, PEOPLE_ORDERS),
        ],
    )
    return {"people": found, "more": more, "given": given, "controls": controls}


def _people(given: QueryDict) -> QuerySet[User]:
    rows = people().select_related("invitation")
    if given.get("q"):
        text = str(given["q"]).strip()[:MAX_SEARCH]
        teams = Team.objects.filter(name__icontains=text).values("memberships__user")
        rows = rows.filter(Q(username__icontains=text) | Q(email__icontains=text) | Q(pk__in=teams))
    if given.get("role"):
        role = str(given["role"])[:MAX_SEARCH]
        by_team = Team.objects.filter(grants__role=role).values("memberships__user")
        directly = User.objects.filter(grants__role=role).values("pk")
        rows = rows.filter(Q(pk__in=directly) | Q(pk__in=by_team))
    if given.get("kind") == "service":
        rows = rows.exclude(service_account=None)
    elif given.get("kind") == "people":
        rows = rows.filter(service_account=None)
    elif given.get("kind") == "invited":
        rows = rows.exclude(invitation=None)
    return rows if given.get("inactive") else rows.filter(is_active=True)


def teams_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the teams that match a query, with the numbers of their members and roles."""
    rows = Team.objects.annotate(
        member_count=Count("memberships", distinct=True), grant_count=Count("grants", distinct=True)
    )
    if given.get("q"):
        text = str(given["q"]).strip()[:MAX_SEARCH]
        found = Q(name__icontains=text) | Q(description__icontains=text)
        found |= Q(pk__in=Team.objects.filter(members__username__icontains=text).values("pk"))
        rows = rows.filter(found)
    teams, more = page_in_order(rows, ORDERS, given, PAGE)
    searched = _("Name, description or member")
    controls = ListControls(given=given, searched=searched, filters=[order_filter(given, ORDERS)])
    return {"teams": teams, "more": more, "given": given, "controls": controls}


def accounts_context(given: QueryDict, user: User) -> dict[str, Any]:
    """Return a page of the accounts that a user manages access to, with the numbers of their contents."""
    mine = Account.objects.usable().filter(whole_accounts(user, Right.MANAGE_ACCESS))
    rows = mine.annotate(
        environment_count=Count("environments", filter=Q(environments__deleted_at=None), distinct=True),
        grant_count=Count("grants", filter=Q(grants__scope=Scope.ACCOUNT.value), distinct=True),
    )
    if given.get("q"):
        text = str(given["q"]).strip()[:MAX_SEARCH]
        rows = rows.filter(Q(name__icontains=text) | Q(region__icontains=text))
    accounts, more = page_in_order(rows, ACCOUNT_ORDERS, given, PAGE)
    controls = ListControls(
        given=given, searched=_("Name or region"), filters=[order_filter(given, ACCOUNT_ORDERS)]
    )
    return {"accounts": accounts, "more": more, "given": given, "controls": controls}
