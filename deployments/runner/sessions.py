"""Check the accounts of sessions with the identity provider: end those that it refuses, renew groups.

API tokens of a user whom it refuses are suspended until the next login there. While a user has tokens, the
account is checked after the session has ended as well.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments import identity_provider
from deployments.core.identity_groups import Membership, memberships
from deployments.identity_provider import AccountRefused, Client, ProviderUnavailable, Tokens
from deployments.models import ApiToken, AuditRecord, Grant, Team, TeamMember, UserSession, leases
from deployments.models.sealed import seal, unseal

log = logging.getLogger(__name__)

SOURCE = "oidc"
"""The source of grants and team memberships that follow from groups."""


def run_check(pk: int, version: int) -> None:
    """Ask the provider about the account of one session."""
    sessions = UserSession.objects.of_provider()
    if not leases.begin_step(sessions, pk, version):
        return
    session = sessions.select_related("user").filter(pk=pk).first()
    if session is None or not settings.SANSO_OIDC_ISSUER or not _is_needed(session):
        sessions.filter(pk=pk).remove()
        return
    try:
        _check(session)
    except AccountRefused as exc:
        log.warning("the identity provider refuses user %d (%s): a session ends", session.user_id, exc)
        sessions.filter(pk=pk).remove()
        _suspend_tokens(session)
        return
    except ProviderUnavailable as exc:
        log.warning("the identity provider cannot be asked about user %d: %s", session.user_id, exc)
    leases.end_step(session, version + 1, next_check(timezone.now()))


def next_check(now: datetime) -> datetime:
    """Return when the account of a session is checked next."""
    return now + timedelta(seconds=settings.SANSO_OIDC_CHECK_SECONDS)


def apply_groups(user: User, groups: list[str]) -> None:
    """Give a user the roles and teams of the groups, and take away those of earlier groups.

    What was given by hand stays, also if a group gives the same.
    """
    wanted = memberships(groups, settings.SANSO_OIDC_GROUPS)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        _apply_roles(user, wanted)
        _apply_teams(user, wanted)


def admits(groups: list[str]) -> bool:
    """Return whether the settings admit somebody in these groups."""
    allowed = set(settings.SANSO_OIDC_ALLOWED_GROUPS)
    return not allowed or bool(allowed & set(groups))


def groups_in(claims: dict[str, object]) -> list[str]:
    """Return the groups in an account's claims; a single one may be a text."""
    found = claims.get(settings.SANSO_OIDC_GROUP_CLAIM, [])
    found = [found] if isinstance(found, str) else found
    return [group for group in found if isinstance(group, str)] if isinstance(found, list) else []


def _is_needed(session: UserSession) -> bool:
    """Return whether a session is open, or is the last one by which the owner of API tokens is checked."""
    if UserSession.objects.open().filter(pk=session.pk).exists():
        return True
    others = UserSession.objects.of_account(session.account_key).exclude(pk=session.pk)
    if others.filter(pk__gt=session.pk).exists() or others.open().exists():
        return False
    return ApiToken.objects.of(session.user_id).usable(timezone.now()).exists()


def _suspend_tokens(session: UserSession) -> None:
    """Suspend the API tokens of a refused account; while it has other sessions, these are checked at once.

    A provider also refuses the tokens of a single session, whose user has logged out there.
    """
    now = timezone.now()
    if UserSession.objects.of_account(session.account_key).update(due_at=now):
        return
    with transaction.atomic():
        if ApiToken.objects.suspend(session.user_id, now):
            name = session.user.get_username()
            log.warning("the API tokens of user %d are suspended", session.user_id)
            AuditRecord.objects.write(action="suspend_tokens", name=name, details={"owner": name})


def _check(session: UserSession) -> None:
    """Raise AccountRefused or ProviderUnavailable."""
    client = Client(
        issuer=settings.SANSO_OIDC_ISSUER,
        client_id=settings.SANSO_OIDC_CLIENT_ID,
        client_secret=settings.SANSO_OIDC_CLIENT_SECRET,
    )
    stored = unseal(session.tokens)
    earlier = Tokens(access=stored.get("access", ""), refresh=stored.get("refresh", ""))
    tokens, claims = identity_provider.check(client, earlier)
    sealed = seal({**stored, "access": tokens.access, "refresh": tokens.refresh})
    UserSession.objects.filter(pk=session.pk).update(tokens=sealed)
    if claims.get("sub") != stored.get("subject"):
        raise AccountRefused("another subject")
    if settings.SANSO_OIDC_GROUP_CLAIM in claims or stored.get("groups_in_user_info"):
        groups = groups_in(claims)
        if not admits(groups):
            raise AccountRefused("none of the allowed groups")
        apply_groups(session.user, groups)


def _apply_roles(user: User, wanted: Membership) -> None:
    given = Grant.objects.filter(user=user, source=SOURCE)
    given.exclude(role__in=wanted.roles).delete()
    for role in sorted(wanted.roles):
        grant = Grant(user=user, role=role, source=SOURCE)
        grant.key = grant.unique_key()
        Grant.objects.get_or_create(key=grant.key, defaults={"user": user, "role": role, "source": SOURCE})


def _apply_teams(user: User, wanted: Membership) -> None:
    keys = {Team.key_for(name): name for name in wanted.teams}
    TeamMember.objects.filter(user=user, source=SOURCE).exclude(team__key__in=keys).delete()
    for key, name in sorted(keys.items()):
        team, _created = Team.objects.get_or_create(key=key, defaults={"name": name})
        TeamMember.objects.get_or_create(team=team, user=user, defaults={"source": SOURCE})
