"""The pages of roles: their holders, their scopes and their reasons, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.access.models.permissions import can
from deployments.access.rules.roles import ROLES, Right, Role
from deployments.access.texts.roles import RIGHTS
from deployments.administration.commands.grants import about_text, may_give_grant
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """A grant: the role, its scope, and whether the viewing user can remove it."""

    pk: int
    subject: str
    role: str
    rights: str
    about: str
    through: str
    given_by: str
    is_removable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MayRow:
    """A holder of a role for an object, and the reason."""

    person: User
    role: str
    rights: str
    why: str


def rights_text(rights: Iterable[str]) -> str:
    """Return the names of rights, in their order."""
    have = set(rights)
    comma = pgettext("between the items of a list", ", ")
    return comma.join(str(name) for right, name in RIGHTS.items() if right in have)


def scope_text(grant: Grant) -> str:
    """Return the scope of a grant: Everything, Account production, Label team=a."""
    name = str(grant.get_scope_display())
    return f"{name} {about_text(grant)}".strip()


def grant_rows(user: User, grants: Iterable[Grant]) -> list[GrantRow]:
    """Return the grants that a user may see: those on objects whose access they manage."""
    return [_row(user, one) for one in grants if is_seen(user, one)]


def is_seen(user: User, grant: Grant) -> bool:
    """Return whether a user may see a grant: they manage access to its object."""
    about = grant.environment or grant.account
    return can(user, Right.MANAGE_ACCESS, about) or may_give_grant(user, grant)


def _row(user: User, grant: Grant) -> GrantRow:
    subject = grant.team or grant.user
    return GrantRow(
        pk=grant.pk,
        subject=str(subject),
        role=str(grant.get_role_display()),
        rights=rights_text(grant.rights) if grant.role == Role.CUSTOM else "",
        about=scope_text(grant),
        through=grant.team.name if grant.team else "",
        given_by=grant.granted_by.get_username() if grant.granted_by else str(grant.get_source_display()),
        is_removable=may_give_grant(user, grant),
    )


def people(name: str = "") -> QuerySet[User]:
    """Return the users whose name contains a text, with their teams."""
    rows = User.objects.select_related("service_account").prefetch_related("teams")
    return rows.filter(username__icontains=name) if name else rows


def who_may(grants: Iterable[Grant]) -> list[MayRow]:
    """Return the holders of a role through these grants, with the reason; superusers come first."""
    found = [
        MayRow(person=one, role=_("Superuser"), rights="", why=_("Everything"))
        for one in User.objects.filter(is_active=True, is_superuser=True).order_by("username")
    ]
    rows = list(grants)
    members: dict[int, list[User]] = defaultdict(list)
    for row in TeamMember.objects.filter(
        team__in={one.team_id for one in rows if one.team_id}
    ).select_related("user"):
        members[row.team_id].append(row.user)
    for grant in rows:
        people = [grant.user] if grant.user else members[grant.team_id or 0]
        why = scope_text(grant)
        if grant.team:
            why = _("%(about)s, by the team %(team)s") % {"about": why, "team": grant.team.name}
        found += [
            MayRow(
                person=one,
                role=str(grant.get_role_display()),
                rights=rights_text(grant.granted.rights) if grant.role == Role.CUSTOM else "",
                why=why,
            )
            for one in people
            if one.is_active
        ]
    return sorted(found, key=lambda row: (row.person.get_username().lower(), row.role))


def own_rights(user: User, about: Environment | Account) -> list[tuple[str, str | Promise, bool]]:
    """Return each right with its name, and whether a user has it for an object."""
    return [(right, name, can(user, right, about)) for right, name in RIGHTS.items()]


def role_table() -> list[tuple[str, str]]:
    """Return each role with its rights, for the form that grants one."""
    names = dict(Grant._meta.get_field("role").flatchoices)
    return [(str(names[role.value]), rights_text(rights)) for role, rights in ROLES.items()]


def grants_of(subject: User | Team) -> QuerySet[Grant]:
    """Return the grants of a person, directly or through teams, or of a team."""
    rows = Grant.objects.for_page()
    if isinstance(subject, Team):
        return rows.filter(team=subject)
    return rows.filter(Q(pk__in=Grant.objects.of_user(subject.pk).values("pk")))
