"""Create and revoke API tokens: everybody may for themselves, the value is returned once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.actions.request import Request, requesting
from deployments.core.token_scopes import LIFETIMES, READ, SHOWN, digest_of, in_order, new_token
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import ApiToken

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_TOKENS = 50
"""Usable tokens of one user."""


def create_token(
    *, user: User, name: str, scopes: Collection[str], lifetime_days: int
) -> tuple[ApiToken, str]:
    """Create a token of a user, and return it with its value, which is not stored: nobody can read it again.

    It can always read what its owner sees. Raise UserFixable with the field to correct.
    """
    request = Request(user=user, action="create_token", permission="", name=name.strip())
    with requesting(request):
        _check(user, name, lifetime_days)
        value, now = new_token(), timezone.now()
        token = ApiToken.objects.create(
            owner=user,
            name=name.strip(),
            prefix=value[:SHOWN],
            digest=digest_of(value),
            scopes=in_order([READ, *scopes]),
            created_by=user,
            expires_at=now + timedelta(days=lifetime_days),
        )
        request.details = {
            "token": token.prefix,
            "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat(),
        }
        return token, value


def revoke_token(*, user: User, token: ApiToken) -> None:
    """Revoke a token of a user at once; revoking it again does nothing."""
    request = Request(user=user, action="revoke_token", permission="", name=token.name)
    request.details = {"token": token.prefix}
    with requesting(request):
        rows = ApiToken.objects.of(user.pk).filter(pk=token.pk, revoked_at=None)
        request.repeats = not rows.update(revoked_at=timezone.now(), revoked_by=user)


def _check(owner: User, name: str, lifetime_days: int) -> None:
    """Raise UserFixable unless a user can have another token with this name and lifetime."""
    if not name.strip() or len(name.strip()) > ApiToken.MAX_NAME:
        raise UserFixable("IllegalName", Code.TOKEN_NAME_INVALID, "name", count=ApiToken.MAX_NAME)
    if lifetime_days not in LIFETIMES:
        days = ", ".join(map(str, LIFETIMES))
        raise UserFixable("IllegalLifetime", Code.TOKEN_LIFETIME_INVALID, "lifetime_days", days=days)
    if ApiToken.objects.of(owner.pk).usable(timezone.now()).count() >= MAX_TOKENS:
        raise UserFixable("TooManyTokens", Code.TOO_MANY_TOKENS, count=MAX_TOKENS)
