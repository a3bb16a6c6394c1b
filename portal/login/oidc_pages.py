"""Redirects to the identity provider and back. Both count as login attempts of their address."""

from __future__ import annotations

import logging

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from deployments.administration.rules.oidc_providers import FIRST, OidcProvider
from deployments.administration.shared.oidc_providers import provider_of
from deployments.common.cross_site import is_cross_site, is_embedded
from portal.login.forms import too_early
from portal.login.limits import challenge_attempt, logout_token_attempt, provider_attempt
from portal.login.logout_tokens import BadLogoutToken, verified
from portal.login.oidc import finish, has_begun, jwks_uri, redirect_to_provider
from portal.login.redirects import continued_at
from portal.login.sessions import end_sessions

log = logging.getLogger(__name__)


@require_GET
@login_not_required
def oidc_login(request: HttpRequest, provider: str = FIRST) -> HttpResponse:
    """Redirect to the provider. It is a link because the content security policy keeps forms on this site."""
    about = _require_provider(provider)
    if request.headers.get("Sec-Fetch-Site") == "cross-site":  # another site must not begin a login
        return redirect("login")
    if seconds := challenge_attempt(request).begin():
        return _refused(request, too_early(seconds))
    try:
        return redirect_to_provider(request, about, continued_at(request, "home"))
    except (OAuth2Error, RequestException, ValueError) as exc:
        log.warning("the identity provider cannot be used: %s", exc)
        text = _("%(provider)s does not respond. Try again later.")
        return _refused(request, text % {"provider": about.name})


@require_GET
@login_not_required
def oidc_callback(request: HttpRequest, provider: str = FIRST) -> HttpResponse:
    """Log in with the provider's response."""
    about = _require_provider(provider)
    if is_embedded(request) or not has_begun(request):  # not counted: any site's page can send this
        return _refused(request, _("The login at %(provider)s failed. Try again.") % {"provider": about.name})
    attempt = provider_attempt(request)
    if seconds := attempt.begin():
        return _refused(request, too_early(seconds))
    try:
        response = finish(request, about)
    except OAuth2Error as exc:
        log.warning("a login at %s was refused: %s", about.id, exc)
        attempt.failed()
        return _refused(request, _("The login at %(provider)s failed. Try again.") % {"provider": about.name})
    if request.user.is_authenticated or response.headers.get("Location") == reverse("mfa_authenticate"):
        attempt.succeeded()
    else:
        attempt.failed()
    return response


@require_POST
@csrf_exempt
@login_not_required
@never_cache
def oidc_logout(request: HttpRequest, provider: str = FIRST) -> HttpResponse:
    """End the sessions in a logout token: the provider calls this, not a browser.

    https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse
    """
    about, attempt = _require_provider(provider), logout_token_attempt(request)
    if is_cross_site(request):
        return HttpResponse(status=403)
    if seconds := attempt.begin():
        return HttpResponse(status=429, headers={"Retry-After": str(seconds)})
    try:
        token = verified(request.POST.get("logout_token", ""), about, jwks_uri(request, about))
        end_sessions(about, token)
    except BadLogoutToken as exc:
        attempt.failed()
        log.warning("a logout token of %s was refused: %s", about.id, printable(exc))
        return JsonResponse({"error": "invalid_request"}, status=400)
    except (OAuth2Error, RequestException, ValueError) as exc:
        log.warning("a logout token of %s cannot be verified: %s", about.id, printable(exc))
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    attempt.succeeded()
    return HttpResponse()


def _require_provider(provider: str) -> OidcProvider:
    if about := provider_of(provider):
        return about
    raise Http404


def _refused(request: HttpRequest, text: str) -> HttpResponse:
    messages.error(request, text)
    return redirect("login")


def printable(exc: Exception) -> str:
    """Return the reason of a refusal for one line of the log."""
    return str(exc)[:300].encode("unicode_escape").decode("ascii")
