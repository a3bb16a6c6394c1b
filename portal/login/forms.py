"""The forms that check a password: login and password change. Each counts an attempt before the check."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from portal.login.limits import Attempt, login_attempt, password_change_attempt

WAIT = "wait"
"""The code of the error that asks the user to wait; its params have the seconds."""


class LoginForm(AuthenticationForm):
    """Django's form; after some failures the password is only checked after a wait."""

    error_messages = {  # noqa: RUF012  # as in Django's
        **AuthenticationForm.error_messages,
        "invalid_login": gettext_lazy("The username or password is incorrect."),
    }

    def clean(self) -> dict[str, Any]:
        """Check the password. Raise ValidationError if it is wrong, or must not be checked now."""
        username = str(self.cleaned_data.get("username") or "")
        if self.request is None or not username or not self.cleaned_data.get("password"):
            return super().clean()
        attempt = _begun(login_attempt(self.request, username))
        try:
            cleaned = super().clean()
        except ValidationError:
            attempt.failed()
            raise
        attempt.succeeded()
        return cleaned


class PasswordForm(PasswordChangeForm):
    """Django's form; attempts with the current password are limited like logins."""

    request: HttpRequest
    error_messages = {  # noqa: RUF012  # as in Django's
        **PasswordChangeForm.error_messages,
        "password_incorrect": gettext_lazy("The current password is incorrect."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = gettext_lazy("Current password")
        self.fields["new_password2"].label = gettext_lazy("Confirm new password")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        """Check the current password. Raise ValidationError if it is wrong, or must not be checked now."""
        attempt = _begun(password_change_attempt(self.request, self.user))
        try:
            old: str = super().clean_old_password()
        except ValidationError:
            attempt.failed()
            raise
        attempt.succeeded()
        return old


def _begun(attempt: Attempt) -> Attempt:
    """Count an attempt and return it. Raise ValidationError if the password must not be checked now."""
    if seconds := attempt.begin():
        raise ValidationError(_too_early(seconds), code=WAIT, params={"seconds": seconds})
    return attempt


def _too_early(seconds: int) -> str:
    if seconds < 120:
        return ngettext(
            "Too many failed attempts. Try again in %(count)d second.",
            "Too many failed attempts. Try again in %(count)d seconds.",
            seconds,
        ) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many failed attempts. Try again in %(count)d minute.",
        "Too many failed attempts. Try again in %(count)d minutes.",
        minutes,
    ) % {"count": minutes}
