"""The pages of accounts: they are listed, added, edited, tested and removed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.rules.roles import Right
from deployments.accounts.commands.accounts import delete_account, request_connection_test, save_account
from deployments.accounts.display.connection import connection_status
from deployments.accounts.display.what_stays import staying_lines
from deployments.accounts.models import ConnectionTest
from deployments.accounts.pages.account_roles import roles_text
from deployments.accounts.pages.forms import AccountFields, AccountForm, NewAccountForm, OutputsForm
from deployments.accounts.pages.lists import accounts_context
from deployments.accounts.rules.roles_stack import RolesStack
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

MANAGE = Right.MANAGE_ACCOUNTS.value


@require_GET
@may_everywhere(MANAGE, "test_connection")
@never_cache
def aws_accounts(request: AuthedRequest) -> HttpResponse:
    """Show the accounts with the results of their tests."""
    return render(request, "accounts/accounts.html", accounts_context(request.GET))


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "add_account")
def aws_account_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new account, or add it; its page then has the command that creates its roles."""
    form = NewAccountForm(request.POST or None)
    if form.is_bound and form.is_valid():
        account = _saved(request, form)
        return redirect("aws_account", pk=account.pk)
    context = {"form": form, "title": _("Add account"), "button": _("Add account")}
    return render(request, "accounts/account_form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "edit_account")
@never_cache
@vary_on_headers("HX-Request")
def aws_account(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show an account, for htmx only its test; or save the outputs of its stack."""
    account = _account(pk)
    if request.method == "POST":
        form = OutputsForm(request.POST, instance=account)
        if form.accepted(lambda: _saved(request, form)):
            messages.success(request, _("The account is saved."))
            return redirect("aws_account", pk=pk)
        return render(request, "accounts/account.html", _context(_account(pk), form), status=422)
    page = "accounts/_connection.html" if request.htmx else "accounts/account.html"
    return render(request, page, _context(account, OutputsForm(instance=account)))


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "edit_account")
@never_cache
def aws_account_edit(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form with all values of an account, or save them."""
    account = _account(pk)
    form = AccountForm(request.POST or None, instance=account)
    if form.is_bound and form.accepted(lambda: _saved(request, form)):
        messages.success(request, _("The account is saved."))
        return redirect("aws_account", pk=pk)
    context = {
        "form": form,
        "title": _("Edit account"),
        "button": _("Save"),
        "account": _account(pk),
    }
    return render(request, "accounts/account_form.html", context, status=422 if form.is_bound else 200)


@require_POST
@may_everywhere(MANAGE, "test_connection")
def aws_account_test(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a test of the connection."""
    request_connection_test(user=request.user, account=_account(pk))
    return redirect("aws_account", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "delete_account")
@never_cache
def aws_account_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what remains in AWS when the account is removed, or remove it."""
    account = _account(pk)
    if request.method == "POST":
        name = account.name
        try:
            delete_account(user=request.user, account=account)
        except UserFixable as problem:
            messages.error(request, error_text(problem))
            return redirect("aws_account", pk=pk)
        messages.success(request, _("%(name)s is removed. Nothing was deleted in AWS.") % {"name": name})
        return redirect("aws_accounts")
    context = _context(account, OutputsForm(instance=account)) | {
        "in_use": Environment.objects.in_account(pk).exists(),
        "stays": staying_lines(account),
    }
    return render(request, "accounts/account_remove.html", context)


def _account(pk: int) -> Account:
    return get_object_or_404(Account.objects.usable(), pk=pk)


def _saved(request: AuthedRequest, form: AccountFields) -> Account:
    account: Account = form.instance
    save_account(user=request.user, account=account, changed=form.changed_data)
    return account


def _context(account: Account, form: OutputsForm) -> dict[str, Any]:
    return {
        "account": account,
        "form": form,
        "connection": connection_status(ConnectionTest.objects.of(account).first()),
        "roles": "" if account.is_sandbox else roles_text(account),
        "stack": RolesStack(
            region=account.region,
            external_id=account.external_id,
            principal=settings.SANSO_PORTAL_PRINCIPAL,
            template_url=settings.SANSO_ACCOUNT_TEMPLATE_URL,
        ),
    }
