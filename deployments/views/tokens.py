"""The page of a person's API tokens: create one, whose value is shown once, and revoke them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from deployments.actions.tokens import create_token, revoke_token
from deployments.errors import UserFixable
from deployments.forms.tokens import TokenForm
from deployments.models import ApiToken
from deployments.views.requests import AuthedRequest

PAGE = "deployments/tokens.html"
MOST = 100
"""Tokens on the page; the newest are shown."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def token_list(request: AuthedRequest) -> HttpResponse:
    """Show the tokens of the person and the form of a new one, or create it and show its value once."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            token, value = create_token(user=request.user, **form.cleaned_data)
        except UserFixable as problem:
            form.reject(problem)
        else:
            return render(request, "deployments/token_created.html", {"token": token, "value": value})
    context = {
        "form": form,
        "rows": ApiToken.objects.of(request.user.pk)[:MOST],
        "now": timezone.now(),
    }
    return render(request, PAGE, context, status=422 if form.is_bound else 200)


@require_POST
def token_revoke(request: AuthedRequest, pk: int) -> HttpResponse:
    """Revoke a token of the person at once."""
    token = get_object_or_404(ApiToken.objects.of(request.user.pk), pk=pk)
    revoke_token(user=request.user, token=token)
    messages.success(request, _("%(name)s is revoked.") % {"name": token.name})
    return redirect("tokens")
