"""Grant and remove roles, and change teams, service accounts and sign-in permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.models.grants import Grant, ServiceAccount, Team, TeamMember
from deployments.access.models.permissions import access_of
from deployments.access.rules.granting import about_of, may_give
from deployments.access.rules.roles import Right, Role, Scope
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

if TYPE_CHECKING:
    from django.contrib.auth.models import User

USERNAME = re.compile(r"[\w.@+-]{1,60}")


def give_role(*, user: User, grant: Grant) -> None:
    """Give the role of an unsaved grant.

    Raise UserFixable if the user lacks one of its rights there, or if the grant exists.
    """
    with requesting(_about(user, "give_role", grant)):
        refuse_unless_theirs(user, [grant])
        if grant.role == Role.CUSTOM and not grant.rights:
            raise UserFixable("NoRights", Code.ROLE_WITHOUT_RIGHTS, "rights")
        grant.granted_by, grant.key = user, grant.unique_key()
        with unique(Code.ROLE_GIVEN_ALREADY, "role"):
            grant.save()


def remove_grant(*, user: User, grant: Grant) -> None:
    """Remove a role at once, also from open pages. Raise UserFixable as above."""
    with requesting(_about(user, "remove_role", grant)), _somebody_manages_access():
        refuse_unless_theirs(user, [grant])
        grant.delete()


def save_team(*, user: User, team: Team, name: str, description: str) -> None:
    """Save a team: a new one, or a changed name.

    Raise UserFixable if the name is taken, or if the user may not give all of the roles of a team whose name
    changes: others find it by its name.
    """
    action = "edit_team" if team.pk else "add_team"
    with requesting(whole(user, action, name)) as request:
        if team.pk and team.name != name:
            refuse_unless_theirs(user, team.grants.all())
        request.before = {"name": team.name, "description": team.description} if team.pk else None
        request.after = {"name": name, "description": description}
        team.name, team.description, team.key = name, description, Team.key_for(name)
        with unique(Code.TEAM_NAME_TAKEN, "name", name=name):
            team.save()


def delete_team(*, user: User, team: Team) -> None:
    """Delete a team with its grants. Raise UserFixable if the user may not remove all of them."""
    with requesting(whole(user, "delete_team", team.name)), _somebody_manages_access():
        refuse_unless_theirs(user, team.grants.all())
        team.delete()


def add_member(*, user: User, team: Team, person: User) -> None:
    """Add a person to a team. Raise UserFixable if the user may not give all of the team's roles."""
    with requesting(whole(user, "add_member", person.get_username(), team=team.name)) as request:
        refuse_unless_theirs(user, team.grants.all())
        _row, is_new = TeamMember.objects.get_or_create(team=team, user=person)
        request.repeats = not is_new


def remove_member(*, user: User, team: Team, person: User) -> None:
    """Remove a person from a team. Raise UserFixable if the user may not give all of the team's roles."""
    with (
        requesting(whole(user, "remove_member", person.get_username(), team=team.name)),
        _somebody_manages_access(),
    ):
        refuse_unless_theirs(user, team.grants.all())
        TeamMember.objects.filter(team=team, user=person).delete()


def add_service_account(*, user: User, name: str, description: str) -> ServiceAccount:
    """Create a service account: a user without a password.

    Raise UserFixable if the name is taken or invalid.
    """
    with requesting(whole(user, "add_service_account", name)):
        if not USERNAME.fullmatch(name):
            raise UserFixable("UsernameInvalid", Code.USERNAME_INVALID, "name")
        with unique(Code.USERNAME_TAKEN, "name", name=name):
            account = get_user_model().objects.create_user(name)
        return ServiceAccount.objects.create(user=account, description=description, created_by=user)


def set_active(*, user: User, person: User, active: bool) -> None:
    """Allow or forbid a person or a service account to sign in and call the API, with immediate effect.

    Raise UserFixable if the user may not remove all of the roles.
    """
    action = "activate_user" if active else "deactivate_user"
    with requesting(whole(user, action, person.get_username())), _somebody_manages_access():
        refuse_unless_all_theirs(user, person)
        person.is_active = active
        person.save(update_fields=["is_active"])


def may_give_grant(user: User, grant: Grant) -> bool:
    """Return whether a user may give or remove a grant."""
    environment = grant.environment
    labels = environment.labels.values_list("key", "value") if environment else ()
    account = environment.account_id if environment else 0
    return may_give(access_of(user), grant.granted, about_of(grant.granted, account=account, labels=labels))


def refuse_unless_all_theirs(user: User, person: User) -> None:
    """Raise UserFixable if a person or a service account has any right that a user may not give."""
    if person.is_superuser and not user.is_superuser:
        raise UserFixable("SuperuserOnly", Code.SUPERUSER_ONLY)
    refuse_unless_theirs(user, Grant.objects.of_user(person.pk))


def refuse_unless_theirs(user: User, grants: Iterable[Grant]) -> None:
    """Raise UserFixable unless a user may give and remove all of these grants."""
    if not all(may_give_grant(user, one) for one in grants):
        raise UserFixable("RoleNotYours", Code.ROLE_NOT_YOURS, "role")


def _about(user: User, action: str, grant: Grant) -> CommandRequest:
    subject = grant.team.name if grant.team else grant.user.get_username() if grant.user else ""
    is_label = grant.scope == Scope.LABEL
    return CommandRequest(
        user=user,
        action=action,
        permission=Right.MANAGE_ACCESS,
        name=subject,
        environment=grant.environment,
        account=grant.account,
        labels={grant.label_key: grant.label_value} if is_label else {},
        details={"subject": subject, "role": grant.role, "rights": grant.rights, "about": about_text(grant)},
    )


def about_text(grant: Grant) -> str:
    """Return the object of a grant, as named in records and on pages; "" for everything."""
    if grant.scope == Scope.LABEL:
        return f"{grant.label_key}={grant.label_value}"
    about = grant.environment or grant.account
    return about.name if about else ""


def whole(user: User, action: str, name: str, **details: object) -> CommandRequest:
    """Return a request that needs the right to manage access to everything."""
    return CommandRequest(
        user=user,
        action=action,
        permission=Right.MANAGE_ACCESS,
        name=name,
        details={"subject": name, **details},
    )


@contextmanager
def unique(code: Code, field: str, **params: str) -> Iterator[None]:
    """Raise UserFixable for the error of a unique key."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as exc:
        raise UserFixable(str(code), code, field, **params) from exc


@contextmanager
def _somebody_manages_access() -> Iterator[None]:
    """Raise UserFixable after the body if no active person can manage access to everything any more. People
    who have not accepted their invitation do not count. The relevant rows are locked first, so that if two
    admins remove each other at the same time, one of them is refused.
    """
    people = get_user_model().objects.filter(service_account=None, invitation=None)
    list(get_user_model().objects.select_for_update().filter(is_superuser=True).values_list("pk"))
    list(Grant.objects.that_manage_access().select_for_update().values_list("pk"))
    yield
    if people.filter(is_active=True, is_superuser=True).exists():
        return
    for grant in Grant.objects.that_manage_access():
        if Right.MANAGE_ACCESS not in grant.granted.rights:
            continue
        subjects = {"grants": grant.pk} if grant.user_id else {"memberships__team": grant.team_id}
        if people.filter(is_active=True, **subjects).exists():
            return
    raise UserFixable("LastWayIn", Code.LAST_WAY_IN)
