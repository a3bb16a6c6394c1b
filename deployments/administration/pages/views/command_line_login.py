"""The login of the command line: the page on which a person allows it, and the exchange of its code."""

from __future__ import annotations

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.pages.requests import AuthedRequest
from deployments.administration.commands.command_line_login import exchange_code, issue_code
from deployments.administration.pages.forms.tokens import for_command_line
from deployments.administration.rules.command_line_login import LoginRequest
from deployments.common import limits
from deployments.common.cross_site import is_cross_site
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text

PAGE = "administration/command_line_login.html"
LOOPBACK = "http://127.0.0.1:*"
"""Chromium also applies form-action to the redirect after a form."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@csp_update({"form-action": [LOOPBACK]})  # type: ignore[arg-type]  # a request after the middleware
def command_line_login(request: AuthedRequest) -> HttpResponse:
    """Show the request for a token, or redirect to the command line on this computer with the result."""
    login = LoginRequest.of(request.GET.dict())
    if login is None:
        return render(request, PAGE, status=422)
    if "deny" in request.POST:
        return HttpResponseRedirect(login.answer(error="access_denied"))
    form = for_command_line(request.user, login.host, request.POST or None)
    if form.is_valid():
        try:
            code = issue_code(
                owner=request.user,
                session_key=str(request.session.session_key),
                login=login,
                **form.cleaned_data,
            )
            return HttpResponseRedirect(login.answer(code=code))
        except UserFixable as problem:
            form.reject(problem)
    context = {"login": login, "form": form}
    return render(request, PAGE, context, status=422 if form.is_bound else 200)


@require_POST
@login_not_required
@csrf_exempt
@never_cache
def command_line_exchange(request: HttpRequest) -> HttpResponse:
    """Return the token for a code, once (RFC 6749, section 4.1.3), only to the sender of the challenge."""
    if is_cross_site(request):
        return JsonResponse({"error": "invalid_request"}, status=403)
    given = {"code": "code", "verifier": "code_verifier", "redirect_uri": "redirect_uri"}
    try:
        token, value = exchange_code(**{name: request.POST.get(key, "") for name, key in given.items()})
    except UserFixable as problem:
        if (usage := limits.of_unproven(request)).is_exceeded:
            refusal = {"error": "slow_down", "error_description": _("Too many requests. Try again later.")}
            return JsonResponse(refusal, status=429, headers=usage.headers())
        limits.count_wrong(request)
        refusal = {"error": "invalid_grant", "error_description": error_text(problem)}
        return JsonResponse(refusal, status=400)
    left = int((token.expires_at - timezone.now()).total_seconds())
    scope = " ".join(token.scopes)
    return JsonResponse({"access_token": value, "token_type": "Bearer", "expires_in": left, "scope": scope})
