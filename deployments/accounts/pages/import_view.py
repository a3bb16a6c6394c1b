"""The page that imports accounts from a CSV."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.rules.roles import Right
from deployments.accounts.commands.accounts import add_accounts
from deployments.accounts.pages.account_import import AccountsFileForm

EXAMPLE = """\
name,region,account_id
production,ap-northeast-1,123456789012
production-europe,eu-central-1,123456789012
analytics,ap-northeast-1,345678901234"""


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(Right.MANAGE_ACCOUNTS.value, "add_account")
def aws_account_import(request: AuthedRequest) -> HttpResponse:
    """Show the form of an import, or add all accounts of the file; none if a line has a problem."""
    form = AccountsFileForm(request.POST or None, request.FILES or None)
    if form.is_bound and _imported(request, form):
        return redirect("aws_accounts")
    context = {"form": form, "example": EXAMPLE}
    return render(request, "accounts/account_import.html", context, status=422 if form.is_bound else 200)


def _imported(request: AuthedRequest, form: AccountsFileForm) -> bool:
    found = form.read()
    if form.errors:
        return False
    try:
        add_accounts(user=request.user, accounts=found.accounts)
    except IntegrityError:  # somebody else has just added one of the names
        form.add_error(
            "file", _("An account with one of the names was added meanwhile. Import the file again.")
        )
        return False
    count = len(found.accounts)
    text = ngettext("%(count)s account is added.", "%(count)s accounts are added.", count)
    messages.success(request, text % {"count": count})
    return True
