"""Log in with a passkey, alone or as the second factor; add, rename and remove passkeys."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.internal.flows import add_authenticator, remove_authenticator, rename_authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.pages.requests import AuthedRequest
from portal.login.adapters import passkeys_possible
from portal.login.forms import PasskeyForm, PasskeyNameForm, too_early
from portal.login.limits import (
    Attempt,
    challenge_attempt,
    code_attempt,
    passkey_attempt,
)
from portal.login.passkeys import PasskeyRefused, creation_options, request_options, verify
from portal.login.redirects import continued_at
from portal.login.security import codes_shown, confirmed, is_last_way_in, of_user, question
from portal.login.views import with_status

log = logging.getLogger(__name__)


@require_POST
@login_not_required
def passkey_options(request: HttpRequest) -> HttpResponse:
    """Return the challenge for the browser; `passkey_login` expects the response."""
    if seconds := challenge_attempt(request).begin():
        return _refused(seconds)
    if request.POST.get("step") == "confirm" and request.user.is_authenticated:
        return JsonResponse(request_options(request.user))
    stage = _stage(request)
    return JsonResponse(request_options(stage.login.user if stage else None))


@require_POST
@login_not_required
def passkey_login(request: HttpRequest) -> HttpResponse:
    """Log in with the browser's signed response; after an error, return to the previous page."""
    stage = _stage(request)
    attempt = code_attempt(request, stage.login.user) if stage else passkey_attempt(request)
    found = verified_by(request, stage.login.user if stage else None, attempt)
    if found is None:
        return redirect("mfa_authenticate" if stage else "login")
    post_authentication(request, found, passwordless=stage is None)
    if stage is None:
        login = Login(user=found.user, redirect_url=continued_at(request, "home"))
        response: HttpResponse = perform_login(request, login)
    else:
        response = stage.exit()
    return response


@require_POST
def confirm(request: AuthedRequest) -> HttpResponse:
    """Confirm the user's identity with a passkey, then continue at the page in `next`."""
    attempt = code_attempt(request, request.user)
    found = verified_by(request, request.user, attempt, alone=True)
    if found is None:
        url = continued_at(request, "account_security")
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': url})}")
    post_authentication(request, found, reauthenticated=True)
    return redirect(continued_at(request, "account_security"))


@require_http_methods(["GET", "POST"])
@confirmed
def add_page(request: AuthedRequest) -> HttpResponse:
    """Add a passkey with a name. The first second factor also creates recovery codes."""
    form = PasskeyForm(request.POST or None, request=request)
    if form.is_valid():
        _added, codes = add_authenticator(request, form.cleaned_data["name"], form.credential)
        if codes:
            return codes_shown(request, codes, _("The passkey was added."))
        messages.success(request, _("The passkey was added."))
        return redirect("account_security")
    context = {"form": form, "possible": passkeys_possible(request)}
    page = render(request, "account/passkey.html", context)
    return with_status(page, form) if form.is_bound else page


@require_POST
@confirmed
def add_options(request: AuthedRequest) -> HttpResponse:
    """Return the challenge for the browser to create a passkey."""
    return JsonResponse(creation_options(request.user))


@require_http_methods(["GET", "POST"])
@confirmed
def rename_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Rename a passkey."""
    found = _passkey(request, pk)
    form = PasskeyNameForm(request.POST or None, initial={"name": found.wrap().name})
    if form.is_valid():
        rename_authenticator(request, found, form.cleaned_data["name"])
        messages.success(request, _("The passkey was renamed."))
        return redirect("account_security")
    page = render(request, "account/passkey_name.html", {"form": form})
    return with_status(page, form) if form.is_bound else page


@require_http_methods(["GET", "POST"])
@confirmed
def remove_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove a passkey."""
    found = _passkey(request, pk)
    if is_last_way_in(request, found):
        messages.error(request, _("You have no other way to log in. Add another passkey first."))
        return redirect("account_security")
    if request.method != "POST":
        consequence = _("You can no longer log in with the passkey “%(name)s”.") % {"name": found.wrap().name}
        return question(request, _("Remove passkey"), consequence)
    remove_authenticator(request, found)
    messages.success(request, _("The passkey was removed."))
    return redirect("account_security")


def verified_by(
    request: HttpRequest, user: User | None, attempt: Attempt, *, alone: bool = False
) -> Authenticator | None:
    """Return the used passkey; otherwise add a message for the user, and return None."""
    if seconds := attempt.begin():
        messages.error(request, too_early(seconds))
        return None
    try:
        found = verify(request, request.POST.get("credential", ""), user, alone=alone)
    except PasskeyRefused as exc:
        attempt.failed()
        log.info("a passkey was refused: %s", str(exc)[:200].encode("unicode_escape").decode("ascii"))
        messages.error(request, _("The passkey was not accepted. Try again, or log in another way."))
        return None
    attempt.succeeded()
    return found


def _stage(request: HttpRequest) -> AuthenticateStage | None:
    """Return the login that waits for its second factor, if the request belongs to one."""
    if request.POST.get("step") != "second":
        return None
    found: AuthenticateStage | None = LoginStageController.enter(request, AuthenticateStage.key)
    return found


def _passkey(request: AuthedRequest, pk: int) -> Authenticator:
    found: Authenticator = get_object_or_404(of_user(request), pk=pk, type=Authenticator.Type.WEBAUTHN)
    return found


def _refused(seconds: int) -> HttpResponse:
    headers = {"Retry-After": str(seconds)}
    return JsonResponse({"error": too_early(seconds)}, status=429, headers=headers)
