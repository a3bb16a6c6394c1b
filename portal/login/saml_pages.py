"""Redirects to the SAML identity provider and back. Both count as login attempts of their address."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.sessions import LoginSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from deployments.common.cross_site import is_embedded
from portal.login import saml
from portal.login.forms import too_early
from portal.login.limits import challenge_attempt, provider_attempt
from portal.login.oidc_pages import printable
from portal.login.redirects import continued_at

log = logging.getLogger(__name__)

REQUESTS: Final = "saml_requests"
"""The key in the session for begun requests: their ids, destinations and times."""
MAX_REQUESTS, MAX_AGE = 5, 1800.0
FOUND: Final = "assertion"


@require_GET
@login_not_required
@never_cache
def saml_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. It is a link because the content security policy keeps forms on this site."""
    _require_saml()
    if request.headers.get("Sec-Fetch-Site") == "cross-site":  # another site must not begin a login
        return redirect("login")
    if seconds := challenge_attempt(request).begin():
        return _refused(request, too_early(seconds))
    url, request_id = saml.begin(request)
    begun = list(request.session.get(REQUESTS, []))[-MAX_REQUESTS + 1 :]
    request.session[REQUESTS] = [*begun, [request_id, continued_at(request, "home"), time.time()]]
    return redirect(url)


@require_POST
@csrf_exempt
@login_not_required
@never_cache
def saml_acs(request: HttpRequest) -> HttpResponse:
    """Verify the response from the provider's page, then continue at `saml_finish`.

    Browsers send no session cookie with a form of another site (SameSite). A verified assertion is stored in
    a separate session until the next request; for others, nothing is stored.
    """
    _require_saml()
    if is_embedded(request):  # not counted: any site's page can send this
        return _refused(request, _failed())
    attempt = provider_attempt(request)
    if seconds := attempt.begin():
        return _refused(request, too_early(seconds))
    try:
        found = saml.verify(request)
    except saml.ResponseRefused as exc:
        attempt.failed()
        log.warning("a SAML response was refused: %s", printable(exc))
        return _refused(request, _failed())
    attempt.succeeded()
    response = redirect("saml_finish")
    own = _own_session(request)
    own.store[FOUND] = saml.stored(found)
    own.store.set_expiry(60)
    own.save(response)
    return response


@require_GET
@login_not_required
@never_cache
def saml_finish(request: HttpRequest) -> HttpResponse:
    """Log in with a verified assertion, if this browser began the login or the settings allow others."""
    _require_saml()
    own = _own_session(request)
    stored = own.store.get(FOUND)
    own.delete()
    if stored is None:
        return _refused(request, _failed())
    found = saml.VerifiedAssertion(**stored)
    begun = request.session.pop(REQUESTS, [])
    matching = [one for one in begun if one[0] == found.request_id and time.time() - one[2] < MAX_AGE]
    if not matching and (found.request_id or not settings.SANSO_SAML_IDP_INITIATED):
        log.warning("a SAML response was refused: this browser did not begin the login")
        return _refused(request, _failed())
    login = saml.sociallogin(request, found)
    login.state = {"process": "login", "next": matching[0][1] if matching else reverse("home")}
    try:
        response: HttpResponse = complete_social_login(request, login)
    except ImmediateHttpResponse as exc:
        response = exc.response
    return response


@require_GET
@login_not_required
def saml_metadata(request: HttpRequest) -> HttpResponse:
    """Return the portal's metadata, for the provider's administrator."""
    _require_saml()
    return HttpResponse(saml.metadata(request), content_type="application/samlmetadata+xml")


def _own_session(request: HttpRequest) -> Any:
    return LoginSession(request, "saml_login_session", "saml-login")


def _require_saml() -> None:
    if not settings.SANSO_SAML_IDP_METADATA:
        raise Http404


def _failed() -> str:
    return _("The login at %(provider)s failed. Try again.") % {"provider": settings.SANSO_SAML_NAME}


def _refused(request: HttpRequest, text: str) -> HttpResponse:
    messages.error(request, text)
    return redirect("login")
