"""The lists of people and service accounts, of teams and of accounts, with search, filters and orders."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from deployments.access.models.grants import ROLE_NAMES, Grant, Team
from deployments.access.models.permissions import whole_accounts
from deployments.access.rules.roles import Right, Scope
from deployments.administration.models.invitations import mark_void
from deployments.administration.pages.access_pages import people
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.environments.models.accounts import Account

_KINDS: dict[str, dict[str, Any]] = {
    "people": {"service_account": None},
    "invited": {"invitation__isnull": False},
    "service": {"service_account__isnull": False},
}
_OLDEST = {"oldest": ListOrder(label=_("Oldest first"), is_reversed=True)}
_NEWEST = {"newest": ListOrder(label=_("Newest first"))}
_BY_NAME = {"": ListOrder(label=_("By name"), column="name")}
PEOPLE = ListDeclaration(
    searched=_("Username, email or team"),
    search=lambda rows, text: rows.filter(
        Q(username__icontains=text)
        | Q(email__icontains=text)
        | Q(pk__in=Team.objects.filter(name__icontains=text).values("memberships__user"))
    ),
    orders={"": ListOrder(label=_("By user name"), column="username")} | _NEWEST | _OLDEST,
    narrowings=[
        Narrowing(
            name="kind",
            label=_("Kind"),
            everything=_("All"),
            choices=[
                ("people", _("People")),
                ("invited", _("Invited")),
                ("service", _("Service accounts")),
            ],
            keep=lambda rows, kind: rows.filter(**_KINDS.get(kind, {})),
        ),
        Narrowing(
            name="role",
            label=_("Role"),
            everything=_("All roles"),
            choices=ROLE_NAMES,
            keep=lambda rows, role: rows.filter(_with_role(role)),
        ),
        Narrowing(
            name="inactive",
            label=_("Active"),
            everything=_("Active"),
            choices=[("1", _("Include inactive"))],
            keep=lambda rows, _value: rows,
            default=lambda rows: rows.filter(is_active=True),
            hides=False,
        ),
    ],
)
TEAMS = ListDeclaration(
    searched=_("Name, description or member"),
    search=lambda rows, text: rows.filter(
        Q(name__icontains=text)
        | Q(description__icontains=text)
        | Q(pk__in=Team.objects.filter(members__username__icontains=text).values("pk"))
    ),
    orders=_BY_NAME | _NEWEST,
)
ACCOUNTS = ListDeclaration(
    searched=_("Name or region"),
    search=lambda rows, text: rows.filter(Q(name__icontains=text) | Q(region__icontains=text)),
    orders=_BY_NAME | _NEWEST | {"region": ListOrder(label=_("By region"), column="region")},
)


def _with_role(role: str) -> Q:
    by_team = Team.objects.filter(grants__role=role).values("memberships__user")
    return Q(pk__in=User.objects.filter(grants__role=role).values("pk")) | Q(pk__in=by_team)


def people_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the users that match a query, with a summary of their teams and roles."""
    context = PEOPLE.context(people().select_related("invitation"), given)
    roles = Grant.objects.roles_of([row.pk for row in context["rows"]])
    mark_void(row.invitation for row in context["rows"] if hasattr(row, "invitation"))
    for row in context["rows"]:
        row.roles = sorted(str(name) for role, name in ROLE_NAMES if role in roles[row.pk])
    return context


def teams_context(given: QueryDict) -> dict[str, Any]:
    """Return a page of the teams that match a query, with the numbers of their members and roles."""
    members, roles = Count("memberships", distinct=True), Count("grants", distinct=True)
    return TEAMS.context(Team.objects.annotate(member_count=members, grant_count=roles), given)


def accounts_context(given: QueryDict, user: User) -> dict[str, Any]:
    """Return a page of the accounts that a user manages access to, with the numbers of their contents."""
    mine = Account.objects.usable().filter(whole_accounts(user, Right.MANAGE_ACCESS))
    rows = mine.annotate(
        environment_count=Count("environments", filter=Q(environments__deleted_at=None), distinct=True),
        grant_count=Count("grants", filter=Q(grants__scope=Scope.ACCOUNT.value), distinct=True),
    )
    return ACCOUNTS.context(rows, given)
