"""Logins of the command line: a code that a user allows, and the API token that is created for it once."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.core import signing
from django.utils import timezone

from deployments.access.models.tokens import ApiToken
from deployments.administration.commands.tokens import check_token, create_token
from deployments.administration.models.replay_protection import UsedOnce
from deployments.administration.models.sessions import is_logged_in
from deployments.administration.rules.command_line_login import CODE_LIFETIME, LoginRequest, challenge_of
from deployments.common import request_context
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt, encrypt

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SALT: Final = "sanso command line login"


def issue_code(
    *,
    owner: User,
    session_key: str,
    login: LoginRequest,
    name: str,
    scopes: Collection[str],
    lifetime_days: int,
) -> str:
    """Return a code with which the command line gets a token of the person who has allowed it.

    The code is signed, and useless without the verifier of the login's challenge, or after the end of the
    session with this key, which is encrypted in it. Raise UserFixable if the
    person cannot have such a token.
    """
    check_token(owner, name, lifetime_days)
    values = {
        "id": secrets.token_urlsafe(12),
        "owner": owner.pk,
        "session": request_context.current().id,
        "key": encrypt(session_key),
        "name": name,
        "scopes": list(scopes),
        "days": lifetime_days,
        "challenge": login.challenge,
        "redirect": login.redirect_uri,
    }
    return signing.dumps(values, salt=SALT, compress=True)


def exchange_code(*, code: str, verifier: str, redirect_uri: str) -> tuple[ApiToken, str]:
    """Create the token of a code, and return it with its value. A code is accepted once.

    The token is created by its owner, in the session that allowed it. Raise UserFixable if the code is not
    valid, too old or already used, the verifier is wrong, or the session has ended, as by a logout or another
    password.
    """
    try:
        values: dict[str, Any] = signing.loads(code, salt=SALT, max_age=CODE_LIFETIME)
    except signing.BadSignature:
        raise _invalid() from None
    is_first = UsedOnce.objects.use("command line", "", values["id"], timezone.now() + CODE_LIFETIME)
    is_same = secrets.compare_digest(challenge_of(verifier), values["challenge"])
    owner = get_user_model().objects.filter(pk=values["owner"], is_active=True).first()
    if not is_first or not is_same or redirect_uri != values["redirect"] or owner is None:
        raise _invalid()
    if "key" not in values or not is_logged_in(owner, decrypt(values["key"])):
        raise _invalid()
    with request_context.request_context(by=request_context.SESSION, id=values["session"]):
        return create_token(
            user=owner, name=values["name"], scopes=values["scopes"], lifetime_days=values["days"]
        )


def _invalid() -> UserFixable:
    return UserFixable("InvalidCode", Code.COMMAND_LINE_CODE_INVALID)
