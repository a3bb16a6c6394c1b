"""Invite people, renew and withdraw invitations, and set the password of a person who accepts one."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from deployments.access.commands.requesting import requesting
from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.access.rules.token_scopes import digest_of
from deployments.administration.commands.grants import (
    USERNAME,
    refuse_unless_all_theirs,
    refuse_unless_theirs,
    unique,
    whole,
)
from deployments.administration.models.invitations import Invitation, carried_by
from deployments.administration.steps import invitation_mail
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

if TYPE_CHECKING:
    from django.contrib.auth.models import User

log = logging.getLogger(__name__)


def invite(
    *, user: User, name: str, email: str, roles: Collection[str], teams: Collection[Team]
) -> tuple[Invitation, str]:
    """Add a person, and return the invitation with the value of its link, which cannot be read again.

    The person has no password until the link is used. Raise UserFixable if the name is taken or invalid, or
    if the user may not give all of the roles, including those of the teams.
    """
    with requesting(whole(user, "invite_person", name)) as request:
        if not USERNAME.fullmatch(name):
            raise UserFixable("UsernameInvalid", Code.USERNAME_INVALID, "name")
        with unique(Code.USERNAME_TAKEN, "name", name=name):
            person = get_user_model().objects.create_user(name, email)
        grants = [Grant(user=person, role=role, granted_by=user) for role in sorted(set(roles))]
        refuse_unless_theirs(user, [*grants, *Grant.objects.filter(team__in=teams)])
        for grant in grants:
            grant.key = grant.unique_key()
            grant.save()
        for team in teams:
            TeamMember.objects.create(team=team, user=person)
        request.after = {"roles": sorted(set(roles)), "teams": sorted(team.name for team in teams)}
        return _renewed(Invitation(user=person), user)


def renew_invitation(*, user: User, person: User) -> tuple[Invitation, str]:
    """Replace the link of an invitation, with a new expiry. Return it as above.

    Raise UserFixable if it was accepted meanwhile, or if the user may not give all of the person's roles: the
    link would let them act with rights that they do not have.
    """
    with requesting(whole(user, "renew_invitation", person.get_username())):
        refuse_unless_all_theirs(user, person)
        return _renewed(_open(person), user)


def withdraw_invitation(*, user: User, person: User) -> None:
    """Delete an invitation, and also the person unless they have signed in another way.

    Raise UserFixable as above.
    """
    with requesting(whole(user, "withdraw_invitation", person.get_username())):
        refuse_unless_all_theirs(user, person)
        _open(person).delete()
        if person.last_login is None:
            person.delete()


def accept(digest: str, password: str) -> User | None:
    """Set the password of the person whose link has this digest.

    Return None if it is no longer valid, also because roles were given after it was created.
    """
    hashed = make_password(password)  # before the transaction: it takes a third of a second
    with transaction.atomic():
        found = Invitation.objects.select_for_update().with_link(digest, timezone.now())
        if found is None:
            return None
        person = found.user
        person.password = hashed
        person.save(update_fields=["password"])
        found.delete()
        AuditRecord.objects.write(action="accept_invitation", user=person, name=person.get_username())
    return person


def mail(invitation: Invitation, link: str) -> bool | None:
    """Send the link to the person. Return whether it was sent; None without a mail server or an address."""
    if not settings.SANSO_MAIL or not invitation.user.email:
        return None
    return invitation_mail.send(invitation, link)


def _renewed(invitation: Invitation, user: User) -> tuple[Invitation, str]:
    value = secrets.token_urlsafe(32)
    invitation.digest, invitation.created_by = digest_of(value), user
    invitation.grants = sorted(carried_by([invitation.user])[invitation.user.pk])
    invitation.expires_at = timezone.now() + timedelta(days=settings.SANSO_INVITATION_DAYS)
    invitation.save()
    return invitation, value


def _open(person: User) -> Invitation:
    found = Invitation.objects.select_for_update().filter(user=person).first()
    if found is None:
        raise UserFixable("InvitationMissing", Code.INVITATION_MISSING, name=person.get_username())
    return found
