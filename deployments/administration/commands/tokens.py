"""Create and revoke API tokens: one's own, or those of service accounts with the right to manage access."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.access.commands.requesting import CommandRequest, PermissionMissing, requesting
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.roles import Right
from deployments.access.rules.token_scopes import LIFETIMES, READ, SHOWN, digest_of, in_order, new_token
from deployments.administration.commands.grants import refuse_unless_all_theirs
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_TOKENS = 50
"""Maximum number of usable tokens of one user."""


def create_token(
    *, user: User, name: str, scopes: Collection[str], lifetime_days: int, owner: User | None = None
) -> tuple[ApiToken, str]:
    """Create a token, and return it with its value, which is not stored: nobody can read it again.

    It is the user's own, or that of the service account `owner`, and always allows reading what its owner can
    view. Raise UserFixable with the field to correct, or if the user may not give all of the account's roles:
    a token would let them act with rights that they do not have.
    """
    owner = owner or user
    request = CommandRequest(
        user=user, action="create_token", permission=_permission(user, owner), name=name.strip()
    )
    with requesting(request):
        if owner.pk != user.pk:
            refuse_unless_all_theirs(user, owner)
        check_token(owner, name, lifetime_days)
        value, now = new_token(), timezone.now()
        token = ApiToken.objects.create(
            owner=owner,
            name=name.strip(),
            prefix=value[:SHOWN],
            digest=digest_of(value),
            scopes=in_order([READ, *scopes]),
            created_by=user,
            expires_at=now + timedelta(days=lifetime_days),
        )
        request.details = {
            "token": token.prefix,
            "owner": owner.get_username(),
            "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat(),
        }
        return token, value


def revoke_token(*, user: User, token: ApiToken) -> None:
    """Revoke a token at once: one's own, or that of a service account. A second call has no effect."""
    permission = _permission(user, token.owner)
    request = CommandRequest(user=user, action="revoke_token", permission=permission, name=token.name)
    request.details = {"token": token.prefix, "owner": token.owner.get_username()}
    with requesting(request):
        rows = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        request.repeats = not rows.update(revoked_at=timezone.now(), revoked_by=user)


def _permission(user: User, owner: User) -> str:
    """Return the right that tokens of an owner require: none for one's own.

    Raise PermissionMissing if the owner is another person.
    """
    if owner.pk == user.pk:
        return ""
    if not hasattr(owner, "service_account"):
        raise PermissionMissing(Right.MANAGE_ACCESS)
    return Right.MANAGE_ACCESS


def check_token(owner: User, name: str, lifetime_days: int) -> None:
    """Raise UserFixable unless a user can have another token with this name and lifetime."""
    if not name.strip() or len(name.strip()) > ApiToken.MAX_NAME:
        raise UserFixable("IllegalName", Code.TOKEN_NAME_INVALID, "name", count=ApiToken.MAX_NAME)
    if lifetime_days not in LIFETIMES:
        days = ", ".join(map(str, LIFETIMES))
        raise UserFixable("IllegalLifetime", Code.TOKEN_LIFETIME_INVALID, "lifetime_days", days=days)
    if ApiToken.objects.of(owner.pk).usable(timezone.now()).count() >= MAX_TOKENS:
        raise UserFixable("TooManyTokens", Code.TOO_MANY_TOKENS, count=MAX_TOKENS)
