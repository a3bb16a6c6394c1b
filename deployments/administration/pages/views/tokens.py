"""The page of API tokens, one's own or those of a service account: create one and revoke them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.grants import ServiceAccount
from deployments.access.models.permissions import can
from deployments.access.models.tokens import ApiToken
from deployments.access.pages.requests import AuthedRequest
from deployments.access.rules.roles import Right
from deployments.administration.commands.tokens import create_token, revoke_token
from deployments.administration.pages.forms.tokens import TokenForm
from deployments.administration.pages.token_list import TOKENS
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number

PAGE = "administration/tokens.html"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def token_list(request: AuthedRequest) -> HttpResponse:
    """Show the tokens of the person and the form of a new one, or create it and show its value once."""
    owner = _owner(request)
    form = TokenForm(request.POST or None)
    context: dict[str, Any] = {"owner": owner, "query": f"?owner={owner.pk}" if owner != request.user else ""}
    if request.method == "POST" and form.is_valid():
        try:
            token, value = create_token(user=request.user, owner=owner, **form.cleaned_data)
        except UserFixable as problem:
            form.reject(problem)
        else:
            context |= {"token": token, "value": value}
            return render(request, "administration/token_created.html", context)
    context |= {"form": form, "now": timezone.now()}
    context |= TOKENS.context(ApiToken.objects.of(owner.pk), request.GET)
    return render(request, PAGE, context, status=422 if form.is_bound else 200)


@require_POST
def token_revoke(request: AuthedRequest, pk: int) -> HttpResponse:
    """Revoke a token at once."""
    owner = _owner(request)
    token = get_object_or_404(ApiToken.objects.of(owner.pk), pk=pk)
    revoke_token(user=request.user, token=token)
    messages.success(request, _("%(name)s is revoked.") % {"name": token.name})
    query = f"?owner={owner.pk}" if owner != request.user else ""
    return redirect(f"{reverse('tokens')}{query}")


def _owner(request: AuthedRequest) -> User:
    """Return the owner of the tokens: the person, or the service account in `?owner=`.

    Raise PermissionMissing without the right to manage access, Http404 if there is no such account.
    """
    pk = parse_number(request.GET.get("owner"))
    if not pk or pk == request.user.pk:
        return request.user
    if not can(request.user, Right.MANAGE_ACCESS):
        raise PermissionMissing(Right.MANAGE_ACCESS)
    return get_object_or_404(ServiceAccount.objects.select_related("user"), user=pk).user
