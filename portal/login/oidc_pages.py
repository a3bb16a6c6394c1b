"""The way to the identity provider and back. Both count as login attempts of their address."""

from __future__ import annotations

import logging

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from requests import RequestException

from portal.login.forms import too_early
from portal.login.limits import challenge_attempt, provider_attempt
from portal.login.oidc import finish, redirect_to_provider
from portal.login.redirects import continued_at

log = logging.getLogger(__name__)


@require_GET
@login_not_required
def oidc_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. A link, since the content security policy keeps forms on this site."""
    _require_provider()
    if request.headers.get("Sec-Fetch-Site") == "cross-site":  # another site must not begin a login
        return redirect("login")
    if seconds := challenge_attempt(request).begin():
        return _refused(request, too_early(seconds))
    try:
        return redirect_to_provider(request, continued_at(request, "home"))
    except (OAuth2Error, RequestException, ValueError) as exc:
        log.warning("the identity provider cannot be used: %s", exc)
        text = _("%(provider)s does not respond. Try again later.")
        return _refused(request, text % {"provider": settings.SANSO_OIDC_NAME})


@require_GET
@login_not_required
def oidc_callback(request: HttpRequest) -> HttpResponse:
    """Log in with what the provider sent back."""
    _require_provider()
    attempt = provider_attempt(request)
    if seconds := attempt.begin():
        return _refused(request, too_early(seconds))
    response = finish(request)
    if request.user.is_authenticated or response.headers.get("Location") == reverse("mfa_authenticate"):
        attempt.succeeded()
    else:
        attempt.failed()
    return response


def _require_provider() -> None:
    if not settings.SANSO_OIDC_ISSUER:
        raise Http404


def _refused(request: HttpRequest, text: str) -> HttpResponse:
    messages.error(request, text)
    return redirect("login")
