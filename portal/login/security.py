"""The page Account security: the user's own second factors. Changes need the password or a passkey again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import qrcode
from allauth.account.internal.flows.reauthentication import (
    did_recently_reauthenticate,
    reauthenticate_by_password,
)
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.recovery_codes.internal.flows import generate_recovery_codes
from allauth.mfa.totp.internal.auth import get_totp_secret
from allauth.mfa.totp.internal.flows import activate_totp, deactivate_totp
from allauth.socialaccount.models import SocialAccount
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from deployments.access.pages.requests import AuthedRequest
from deployments.administration.models.sessions import UserSession
from portal.login.adapters import passkeys_possible
from portal.login.codes import mark_used
from portal.login.forms import AppForm, ConfirmForm
from portal.login.redirects import continued_at
from portal.login.views import with_status

View = Callable[..., HttpResponse]


def confirmed(view: View) -> View:
    """Ask for the password or a passkey first, unless the user has just used it in this session."""

    @wraps(view)
    def asking(request: AuthedRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if did_recently_reauthenticate(request):
            return view(request, *args, **kwargs)
        url = request.path if request.method == "GET" else reverse("account_security")
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': url})}")

    return asking


@require_safe
def security_page(request: AuthedRequest) -> HttpResponse:
    """Show the user's password and second factors."""
    passkeys = _passkeys(request)
    context = {"app": _app(request), "codes_left": _codes_left(request)}
    context |= {"passkeys": passkeys, "passkeys_possible": passkeys_possible(request)}
    return render(request, "account/security.html", context | sessions_of(request))


@require_http_methods(["GET", "POST"])
def confirm_page(request: AuthedRequest) -> HttpResponse:
    """Ask for the password or a passkey, then continue at the page in `next`."""
    has_passkey = passkeys_possible(request) and _passkeys(request).exists()
    if not request.user.has_usable_password() and not has_passkey:
        raise PermissionDenied("the account has neither a password nor a passkey")
    form = ConfirmForm(request.POST or None, request=request, user=request.user)
    if request.user.has_usable_password() and form.is_valid():
        reauthenticate_by_password(request)
        return redirect(continued_at(request, "account_security"))
    context = {"form": form, "has_passkey": has_passkey, "next": continued_at(request, "account_security")}
    page = render(request, "account/confirm.html", context)
    return with_status(page, form) if form.is_bound else page


@require_http_methods(["GET", "POST"])
@confirmed
def app_page(request: AuthedRequest) -> HttpResponse:
    """Show the secret for an authenticator app; with the first code, enable it and show recovery codes."""
    if _app(request):
        return redirect("account_security")
    form = AppForm(request.POST or None, secret=get_totp_secret())
    if form.is_valid():
        return codes_shown(request, activate(request, form), _("The authenticator app is set up."))
    url = get_adapter().build_totp_url(request.user, form.secret)
    key = " ".join(form.secret[at : at + 4] for at in range(0, len(form.secret), 4))
    page = render(request, "account/app.html", {"form": form, "qr": qr_of(url), "key": key})
    return with_status(page, form) if form.is_bound else page


@require_http_methods(["GET", "POST"])
@confirmed
def remove_app_page(request: AuthedRequest) -> HttpResponse:
    """Remove the authenticator app and the recovery codes."""
    found = get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.TOTP)
    if request.method != "POST":
        return question(request, _("Remove authenticator app"), _("Codes of the app are no longer accepted."))
    deactivate_totp(request, found)
    messages.success(request, _("The authenticator app was removed."))
    return redirect("account_security")


@require_http_methods(["GET", "POST"])
@confirmed
def codes_page(request: AuthedRequest) -> HttpResponse:
    """Create new recovery codes, and show them once; earlier ones become invalid."""
    if not of_user(request).exists():
        return redirect("account_security")
    if request.method != "POST":
        return question(
            request, _("Create new recovery codes"), _("Your earlier recovery codes stop working.")
        )
    return codes_shown(request, generate_recovery_codes(request), _("The recovery codes were replaced."))


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code as the path of an SVG whose unit is one module."""

    size: int
    path: str


def qr_of(text: str) -> QrCode:
    """Return the QR code of a text, with its quiet zone of four modules."""
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    rows = code.get_matrix()
    path = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return QrCode(len(rows), "".join(path))


def question(request: AuthedRequest, title: str, consequence: str) -> HttpResponse:
    """Show a confirmation with this title."""
    return render(request, "account/question.html", {"title": title, "consequence": consequence})


def codes_shown(request: AuthedRequest, codes: Authenticator, done: str) -> HttpResponse:
    """Show recovery codes; this is possible only once."""
    found = [f"{code[:5]} {code[5:]}" for code in codes.wrap().get_unused_codes()]
    return render(request, "account/codes.html", {"codes": found, "done": done})


def of_user(request: AuthedRequest) -> Any:
    """Return the user's second factors, without recovery codes."""
    found = Authenticator.objects.filter(user=request.user).order_by("pk")
    return found.exclude(type=Authenticator.Type.RECOVERY_CODES)


def is_last_way_in(request: AuthedRequest, passkey: Authenticator) -> bool:
    """Return whether a user could no longer log in without a passkey."""
    if request.user.has_usable_password() or SocialAccount.objects.filter(user=request.user).exists():
        return False
    return not _passkeys(request).exclude(pk=passkey.pk).exists()


def sessions_of(request: AuthedRequest) -> dict[str, Any]:
    """Return the user's sessions, and the key of this one."""
    found = UserSession.objects.of(request.user).open()[:100]
    return {"sessions": found, "this_session": request.session.session_key}


def _passkeys(request: AuthedRequest) -> Any:
    return of_user(request).filter(type=Authenticator.Type.WEBAUTHN)


def _app(request: AuthedRequest) -> Authenticator | None:
    found: Authenticator | None = of_user(request).filter(type=Authenticator.Type.TOTP).first()
    return found


def _codes_left(request: AuthedRequest) -> int | None:
    found = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.RECOVERY_CODES)
    codes = found.first()
    try:
        return None if codes is None else len(codes.wrap().get_unused_codes())
    except InvalidToken:  # SECRET_KEY was changed without a fallback: none can be used
        return 0


@transaction.atomic
def activate(request: AuthedRequest, form: AppForm) -> Authenticator:
    """Store the secret, and return the user's recovery codes. The code that confirmed it counts as used.

    MySQL has no conditional unique constraints, so the user's row is locked: of two requests at once, the
    later one replaces the app.
    """
    user = User.objects.select_for_update().get(pk=request.user.pk)
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    app, _created = activate_totp(request, form)
    mark_used(app, form.step)
    return RecoveryCodes.activate(user).instance
