"""Invite people, on the pages about access. Accepting an invitation is in portal/login."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.pages.requests import AuthedRequest
from deployments.administration.commands import invitations
from deployments.administration.models.invitations import Invitation
from deployments.administration.pages.forms.access import InvitationForm
from deployments.administration.pages.views.access import attempted, manages_all
from deployments.common.errors import UserFixable


@require_http_methods(["GET", "HEAD", "POST"])
@manages_all("invite_person")
@never_cache
def access_invite(request: AuthedRequest) -> HttpResponse:
    """Show the form of an invitation, or invite the person and show the link once."""
    form = InvitationForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            found, value = invitations.invite(user=request.user, **form.cleaned_data)
        except UserFixable as problem:
            form.reject(problem)
        else:
            return _link_page(request, found, value)
    context = {"form": form}
    return render(request, "administration/access_invite.html", context, status=422 if form.is_bound else 200)


@require_POST
@manages_all("renew_invitation")
@never_cache
def invitation_renew(request: AuthedRequest, pk: int) -> HttpResponse:
    """Replace the link of an invitation, and show the new one once."""
    person = get_object_or_404(User, pk=pk)
    made: list[tuple[Invitation, str]] = []
    attempted(request, lambda: made.append(invitations.renew_invitation(user=request.user, person=person)))
    return _link_page(request, *made[0]) if made else redirect("access_person", pk=pk)


@require_POST
@manages_all("withdraw_invitation")
def invitation_withdraw(request: AuthedRequest, pk: int) -> HttpResponse:
    """Withdraw an invitation."""
    person = get_object_or_404(User, pk=pk)
    done = _("The invitation of %(name)s is withdrawn.") % {"name": person.get_username()}
    attempted(request, lambda: invitations.withdraw_invitation(user=request.user, person=person), done)
    still_there = User.objects.filter(pk=pk).exists()
    return redirect("access_person", pk=pk) if still_there else redirect("access_people")


def _link_page(request: AuthedRequest, invitation: Invitation, value: str) -> HttpResponse:
    link = request.build_absolute_uri(f"{reverse('invitation')}?{urlencode({'key': value})}")
    context = {"invitation": invitation, "link": link, "sent": invitations.mail(invitation, link)}
    return render(request, "administration/access_invited.html", context)
