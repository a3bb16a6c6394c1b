"""The page of an account's first contact: the command, and the last run, live."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account
from deployments.first_contact.display.shown import shown
from deployments.first_contact.models import ContactRun


@require_GET
@may_everywhere(Right.MANAGE_ACCOUNTS.value, "test_connection")
@never_cache
@vary_on_headers("HX-Request")
def first_contact(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the last run of an account; for htmx only the run."""
    account = get_object_or_404(Account.objects.usable(), pk=pk)
    context = {"account": account, "contact": shown(ContactRun.objects.of(account).first())}
    page = "first_contact/_contact_run.html" if request.htmx else "first_contact/first_contact.html"
    return render(request, page, context)
