"""Accept an invitation: follow its link, set the password, and be logged in."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deployments.access.rules.token_scopes import digest_of
from deployments.administration.commands.invitations import accept
from deployments.administration.models.invitations import Invitation
from deployments.common.cross_site import is_embedded
from portal.login.forms import too_early
from portal.login.limits import invitation_attempt
from portal.login.views import with_status

KEY = "invitation"
"""The key in the session for the digest of the followed link."""


@require_http_methods(["GET", "POST"])
@login_not_required
@never_cache
def accept_page(request: HttpRequest) -> HttpResponse:
    """Show the form of a new password after following a link; with a password, log the person in.

    The key is in the query, which is not logged.
    """
    if request.method == "GET" and "key" in request.GET:
        return _follow_link(request, request.GET["key"])
    digest = request.session.get(KEY, "")
    found = Invitation.objects.with_link(digest, timezone.now())
    if found is None:
        return _invalid(request)
    form: SetPasswordForm[Any] = SetPasswordForm(found.user, request.POST or None)
    form.fields["new_password2"].help_text = ""
    if form.is_valid():
        person = accept(digest, form.cleaned_data["new_password1"])
        if person is None:  # accepted or withdrawn meanwhile
            return _invalid(request)
        request.session.flush()
        login = Login(user=person, redirect_url=reverse("home"))
        response: HttpResponse = perform_password_login(request, {}, login)
        return response
    page = render(request, "registration/invitation.html", {"form": form, "name": found.user.get_username()})
    return with_status(page, form) if form.is_bound else page


def _follow_link(request: HttpRequest, value: str) -> HttpResponse:
    """Redirect to a page whose address is not secret: addresses appear in histories and referrers."""
    if is_embedded(request):  # not counted: any site's page can send this
        return _invalid(request)
    attempt = invitation_attempt(request)
    if seconds := attempt.begin():
        messages.error(request, too_early(seconds))
        return redirect("login")
    found = Invitation.objects.with_link(digest_of(value), timezone.now())
    if found is None:
        attempt.failed()
        return _invalid(request)
    attempt.succeeded()
    request.session[KEY] = found.digest
    return redirect("invitation")


def _invalid(request: HttpRequest) -> HttpResponse:
    request.session.pop(KEY, None)
    messages.error(request, _("This invitation is no longer valid. Ask for a new one."))
    return redirect("login")
