"""The page of an account's first contact: a run is requested, followed, canceled and cleaned up."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may_everywhere
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account
from deployments.first_contact.commands import request_cancel, request_clean_up, request_run
from deployments.first_contact.display.shown import shown, step_choices
from deployments.first_contact.models import ContactRun
from deployments.first_contact.pages.forms import ContactForm

MANAGE = Right.MANAGE_ACCOUNTS.value


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "run_first_contact")
@never_cache
@vary_on_headers("HX-Request")
def first_contact(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the last run of an account, for htmx only the run; or request one."""
    account = get_object_or_404(Account.objects.usable(), pk=pk)
    form = ContactForm(request.POST or None)
    if request.method == "POST":
        form = ContactForm(request.POST)
        if form.accepted(
            lambda: request_run(user=request.user, account=account, steps=form.cleaned_data["steps"])
        ):
            return redirect("first_contact", pk=pk)
    context = {
        "account": account,
        "form": form,
        "choices": step_choices(form["steps"].value() or []),
        "contact": shown(ContactRun.objects.of(account).first()),
    }
    page = "first_contact/_contact_run.html" if request.htmx else "first_contact/first_contact.html"
    return render(request, page, context, status=422 if form.errors else 200)


@require_POST
@may_everywhere(MANAGE, "cancel_first_contact")
def first_contact_cancel(request: AuthedRequest, pk: int, run: int) -> HttpResponse:
    """Cancel a run."""
    with ShownRefusals(request):
        request_cancel(user=request.user, run=_run(pk, run))
    return redirect("first_contact", pk=pk)


@require_POST
@may_everywhere(MANAGE, "clean_up_first_contact")
def first_contact_clean_up(request: AuthedRequest, pk: int, run: int) -> HttpResponse:
    """Clean up again after a run."""
    with ShownRefusals(request):
        request_clean_up(user=request.user, run=_run(pk, run))
    return redirect("first_contact", pk=pk)


def _run(account: int, pk: int) -> ContactRun:
    found = get_object_or_404(Account.objects.usable(), pk=account)
    return get_object_or_404(ContactRun.objects.of(found), pk=pk)
