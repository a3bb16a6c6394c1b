"""Codes of the second factor: each is accepted once.

allauth marks used codes in Django's cache, but this project has no shared cache (settings.CACHES). So the
time step of the last code is stored with the secret, under the lock of its row.
"""

from __future__ import annotations

import logging
import unicodedata

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from cryptography.fernet import InvalidToken
from django.contrib.auth.models import User
from django.db import transaction

from deployments.common.models.encryption import decrypt, renewed

log = logging.getLogger(__name__)

LAST_STEP = "last_step"
"""The key of the time step of the last used code, in an authenticator's data."""


def matching_step(secret: str, code: str, *, after: int = 0) -> int | None:
    """Return the time step of a code, or None. Codes of steps up to `after` are not accepted.

    A verifier must not accept a code twice: https://www.rfc-editor.org/rfc/rfc6238#section-5.2
    """
    for step in yield_hotp_counters_from_time():
        if step > after and compare_user_code(
            actual=code, expected=format_hotp_value(hotp_value(secret, step))
        ):
            return int(step)
    return None


class SecretUnreadable(Exception):
    """No code can be checked with this second factor: SECRET_KEY was changed without a fallback."""


@transaction.atomic
def use_code(user: User, typed: str) -> Authenticator | None:
    """Return the authenticator or the recovery codes of a code, and mark it as used; None if it is wrong.

    Raise SecretUnreadable if it may only seem wrong, because a secret of the user cannot be decrypted.
    """
    code = unicodedata.normalize("NFKC", typed)  # Japanese keyboards also type full-width digits
    of_user = Authenticator.objects.select_for_update().filter(user=user)
    unreadable: list[str] = []
    for authenticator in of_user.exclude(type=Authenticator.Type.WEBAUTHN):
        try:
            if _use_code_of(authenticator, code):
                return authenticator
        except InvalidToken:
            unreadable.append(authenticator.get_type_display())
    if unreadable:
        log.error(
            "The second factor of %s (%s) cannot be decrypted: SECRET_KEY was changed without "
            "SECRET_KEY_FALLBACKS. Add the earlier key, or delete the authenticator in the admin",
            user.get_username(),
            ", ".join(unreadable),
        )
        raise SecretUnreadable
    return None


def _use_code_of(authenticator: Authenticator, code: str) -> bool:
    if authenticator.type == Authenticator.Type.TOTP:
        return _use_time_code(authenticator, code)
    return bool(authenticator.wrap().validate_code(code))


def mark_used(authenticator: Authenticator, step: int) -> None:
    """Store the time step of an accepted code; keep the secret under the current key."""
    authenticator.data["secret"] = renewed(authenticator.data["secret"])
    authenticator.data[LAST_STEP] = step
    authenticator.save(update_fields=["data"])


def _use_time_code(authenticator: Authenticator, code: str) -> bool:
    secret = decrypt(authenticator.data["secret"])
    step = matching_step(secret, code, after=authenticator.data.get(LAST_STEP, 0))
    if step is None:
        return False
    mark_used(authenticator, step)
    return True
