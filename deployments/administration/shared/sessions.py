"""Check the accounts of sessions with the identity provider: end those that it rejects, update groups.

The API tokens of a rejected user are suspended until the next login there. While a user has tokens, the
account is also checked after the session has ended.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.access.models.tokens import ApiToken
from deployments.administration import identity_provider
from deployments.administration.identity_provider import AccountRefused, Client, ProviderUnavailable, Tokens
from deployments.administration.models.sessions import UserSession
from deployments.administration.rules.identity_groups import Membership, memberships
from deployments.administration.rules.oidc_providers import FIRST, OidcProvider
from deployments.administration.shared.oidc_providers import provider_of, rules_of
from deployments.common.models import leases
from deployments.common.models.encryption import decrypt_values, encrypt_values

log = logging.getLogger(__name__)

SOURCE = "oidc"
"""The source of grants and team memberships that come from groups."""


def run_check(pk: int, version: int) -> None:
    """Check the account of one session with its provider."""
    sessions = UserSession.objects.of_provider()
    if not leases.begin_step(sessions, pk, version):
        return
    session = sessions.select_related("user").filter(pk=pk).first()
    if session is None or _provider(session) is None or not _is_needed(session):
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


def apply_groups(user: User, account_key: str, groups: list[str]) -> None:
    """Give a user the roles and teams of an account's groups, and remove those of earlier groups.

    A user with accounts at several providers has the roles and teams of all of them. Those given by hand
    stay, even if a group gives the same.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        wanted = Membership()
        for account in SocialAccount.objects.filter(user=user):
            if account.uid == account_key and account.extra_data.get("groups") != groups:
                account.extra_data["groups"] = groups
                account.save(update_fields=["extra_data"])
            if provider := rules_of(account.provider):
                wanted |= memberships(account.extra_data.get("groups", []), provider.groups)
        _apply_roles(user, wanted)
        _apply_teams(user, wanted)


def _provider(session: UserSession) -> OidcProvider | None:
    """Return the provider of a session; older sessions without one have the provider in the variables."""
    return provider_of(decrypt_values(session.tokens).get("provider", FIRST))


def _is_needed(session: UserSession) -> bool:
    """Return whether a session is open, or is the last one for checking an owner of API tokens."""
    if UserSession.objects.open().filter(pk=session.pk).exists():
        return True
    others = UserSession.objects.of_account(session.account_key).exclude(pk=session.pk)
    if others.filter(pk__gt=session.pk).exists() or others.open().exists():
        return False
    return ApiToken.objects.of(session.user_id).usable(timezone.now()).exists()


def _suspend_tokens(session: UserSession) -> None:
    """Suspend the API tokens of a rejected account; while it has other sessions, check these at once.

    A provider also rejects the tokens of a single session after its user logs out there. The roles of the
    account's groups end if the user can log in with another account.
    """
    now = timezone.now()
    if UserSession.objects.of_account(session.account_key).update(due_at=now):
        return
    if SocialAccount.objects.filter(user=session.user).exclude(uid=session.account_key).exists():
        apply_groups(session.user, session.account_key, [])
    with transaction.atomic():
        if ApiToken.objects.suspend(session.user_id, now):
            name = session.user.get_username()
            log.warning("the API tokens of user %d are suspended", session.user_id)
            AuditRecord.objects.write(action="suspend_tokens", name=name, details={"owner": name})


def _check(session: UserSession) -> None:
    """Raise AccountRefused or ProviderUnavailable."""
    stored = decrypt_values(session.tokens)
    provider = _provider(session)
    if provider is None:
        raise AccountRefused("the settings no longer have its provider")
    client = Client(
        issuer=provider.issuer, client_id=provider.client_id, client_secret=provider.client_secret
    )
    earlier = Tokens(access=stored.get("access", ""), refresh=stored.get("refresh", ""))
    tokens, claims = identity_provider.check(client, earlier)
    sealed = encrypt_values({**stored, "access": tokens.access, "refresh": tokens.refresh})
    UserSession.objects.filter(pk=session.pk).update(tokens=sealed)
    if claims.get("sub") != stored.get("subject"):
        raise AccountRefused("another subject")
    if provider.group_claim in claims or stored.get("groups_in_user_info"):
        groups = provider.groups_in(claims)
        if not provider.admits(groups):
            raise AccountRefused("none of the allowed groups")
        apply_groups(session.user, session.account_key, groups)


def _apply_roles(user: User, wanted: Membership) -> None:
    given = Grant.objects.filter(user=user, source=SOURCE)
    given.exclude(role__in=wanted.roles).delete()
    for role in sorted(wanted.roles):
        grant = Grant(user=user, role=role, source=SOURCE)
        grant.key = grant.unique_key()
        Grant.objects.get_or_create(key=grant.key, defaults={"user": user, "role": role, "source": SOURCE})


def _apply_teams(user: User, wanted: Membership) -> None:
    teams = []
    for name in sorted(wanted.teams):
        if team := Team.objects.of_groups(name, wanted.named):
            teams.append(team)
        else:
            log.warning("a team of other groups now has the name %s: its groups give no team", name)
    TeamMember.objects.filter(user=user, source=SOURCE).exclude(team__in=teams).delete()
    for team in teams:
        TeamMember.objects.get_or_create(team=team, user=user, defaults={"source": SOURCE})
