"""The form to log in, which makes a guesser of passwords wait."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from portal import backoff

WAIT = "wait"
"""The code of the error that says how long to wait."""


class LoginForm(AuthenticationForm):
    """Django's form; after some failures the password is not even looked at until the wait is over."""

    def clean(self) -> dict[str, Any]:
        """Check the password. Raises ValidationError when it is wrong or too early to try."""
        username = str(self.cleaned_data.get("username") or "")
        if self.request is None or not username or not self.cleaned_data.get("password"):
            return super().clean()
        if seconds := backoff.seconds_to_wait(self.request, username):
            raise ValidationError(_too_early(seconds), code=WAIT)
        try:
            cleaned = super().clean()
        except ValidationError:
            backoff.failed(self.request, username)
            raise
        backoff.succeeded(self.request, username)
        return cleaned


def _too_early(seconds: int) -> str:
    if seconds < 120:
        return ngettext(
            "Too many tries with a wrong password. Try again in %(count)d second.",
            "Too many tries with a wrong password. Try again in %(count)d seconds.",
            seconds,
        ) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many tries with a wrong password. Try again in %(count)d minute.",
        "Too many tries with a wrong password. Try again in %(count)d minutes.",
        minutes,
    ) % {"count": minutes}
