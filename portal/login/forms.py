"""Forms that check a password or a code. Each counts an attempt before the check."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, ngettext

from portal.login.codes import SecretUnreadable, matching_step, use_code
from portal.login.limits import Attempt, code_attempt, login_attempt, password_change_attempt
from portal.login.passkeys import MAX, PasskeyRefused, register

MAX_PASSWORD = 4_096
"""Characters, as in the forms of the sign-in library: hashing takes time for each."""
WAIT = "wait"
"""The code of the error for attempts that must wait; its params have the seconds."""


class LoginForm(AuthenticationForm):
    """Django's form; after some failures the password is only checked after a wait."""

    error_messages = {  # noqa: RUF012  # as in Django's
        **AuthenticationForm.error_messages,
        "invalid_login": gettext_lazy("The username or password is incorrect."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _limit_passwords(self)

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
        _limit_passwords(self)
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


class ConfirmForm(forms.Form):
    """The password again, before login methods are changed; limited like a change of the password."""

    password = forms.CharField(
        label=gettext_lazy("Current password"),
        strip=False,
        max_length=MAX_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_password(self) -> str:
        """Check the password. Raise ValidationError if it is wrong, or must not be checked now."""
        attempt = _begun(password_change_attempt(self.request, self.user))
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            attempt.failed()
            raise ValidationError(
                PasswordForm.error_messages["password_incorrect"], code="password_incorrect"
            )
        attempt.succeeded()
        return password


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code, as the second step of a login."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )
    authenticator: Authenticator

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_code(self) -> str:
        """Use the code. Raise ValidationError if it is wrong, was used, or must not be checked now."""
        attempt = _begun(code_attempt(self.request, self.user))
        code: str = self.cleaned_data["code"]
        refused = gettext("The code is incorrect, or was already used.")
        try:
            found = use_code(self.user, code)
        except SecretUnreadable:
            found = None
            refused = gettext(
                "This code cannot be checked, because the key of this portal was changed. Use a passkey or "
                "another code if you have one, or ask an administrator to delete your second factor."
            )
        if found is None:
            attempt.failed()
            raise ValidationError(refused, code="incorrect")
        attempt.succeeded()
        self.authenticator = found
        return code


class AppForm(forms.Form):
    """The first code of an authenticator app that is being set up: the app has the secret."""

    code = CodeForm.base_fields["code"]
    step: int

    def __init__(self, *args: Any, secret: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = secret

    def clean_code(self) -> str:
        """Compare the code. Raise ValidationError if it is not of this secret and this time."""
        code: str = self.cleaned_data["code"]
        step = matching_step(self.secret, code)
        if step is None:
            raise ValidationError(
                gettext("The code is incorrect. Check the time of the device with the app."), code="incorrect"
            )
        self.step = step
        return code


class PasskeyNameForm(forms.Form):
    """The name under which the user recognizes a passkey."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("For you to recognize it, such as the device that stores it."),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )


class PasskeyForm(PasskeyNameForm):
    """A new passkey, as the browser describes it."""

    credential: dict[str, Any]

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self) -> dict[str, Any]:
        """Verify the passkey. Raise ValidationError if it is not valid, or there are too many."""
        cleaned = super().clean() or {}
        stored = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.WEBAUTHN)
        if stored.count() >= MAX:
            raise ValidationError(gettext("You have the maximum of passkeys. Remove one first."), code="many")
        try:
            self.credential = register(self.request, self.data.get("credential", ""))
        except PasskeyRefused as exc:
            message = gettext("The passkey was not accepted. Try again.")
            raise ValidationError(message, code="refused") from exc
        return cleaned


def _limit_passwords(form: forms.BaseForm) -> None:
    """Limit the passwords of a form of Django, which has no limit."""
    for field in form.fields.values():
        if isinstance(field, forms.CharField) and field.max_length is None:
            field.max_length = MAX_PASSWORD
            field.validators.append(MaxLengthValidator(MAX_PASSWORD))


def _begun(attempt: Attempt) -> Attempt:
    """Count an attempt and return it. Raise ValidationError if the password must not be checked now."""
    if seconds := attempt.begin():
        raise ValidationError(too_early(seconds), code=WAIT, params={"seconds": seconds})
    return attempt


def too_early(seconds: int) -> str:
    """Return the message with the seconds to wait."""
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
