"""Accounts: reading, adding, editing and deleting one."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.problems import validated
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_ONE, Nothing
from deployments.access.rules.roles import Right
from deployments.accounts.api.schemas.account import AccountBody, AccountDetail
from deployments.accounts.commands.accounts import delete_account, save_account
from deployments.accounts.pages.forms import AccountForm
from deployments.environments.models.accounts import Account

MANAGE = Right.MANAGE_ACCOUNTS
CREATED = 201


@router.get(
    "/accounts/{account_id}",
    response={200: AccountDetail, **FOR_ONE},
    operation_id="get_account",
)
def get_account(request: ApiRequest, account_id: Key) -> AccountDetail:
    """Return an account with its roles. It needs the right to manage accounts."""
    require_somewhere(request, MANAGE)
    return AccountDetail.of(account_of(account_id))


@requests(router, "/accounts", AccountDetail, status=CREATED, name="create_account", needs=MANAGE)
def create_account(request: ApiRequest, body: AccountBody) -> AccountDetail:
    """Add an account. Its external id, which the trust policy of its role names, is in the response."""
    return _saved_account(request, Account(), "add_account", body)


@requests(router, "/accounts/{account_id}", AccountDetail, name="edit_account", needs=MANAGE)
def edit_account(request: ApiRequest, account_id: Key, body: AccountBody) -> AccountDetail:
    """Change an account: what is left out becomes empty."""
    require_somewhere(request, MANAGE, "edit_account")
    return _saved_account(request, account_of(account_id), "edit_account", body)


@requests(router, "/accounts/{account_id}/delete", AccountDetail, name="delete_account", needs=MANAGE)
def remove_account(request: ApiRequest, account_id: Key, body: Nothing) -> AccountDetail:
    """Delete an account that never had an environment. The response says what stays in AWS."""
    require_somewhere(request, MANAGE, "delete_account")
    account = account_of(account_id)
    found = AccountDetail.of(account)
    delete_account(user=request.user, account=account)
    return found


def account_of(pk: int) -> Account:
    """Return an account that can be deployed to. Raise Http404 if there is none."""
    return get_object_or_404(Account.objects.usable(), pk=pk)


def _saved_account(request: ApiRequest, account: Account, action: str, body: AccountBody) -> AccountDetail:
    require_somewhere(request, MANAGE, action)
    form = validated(AccountForm(body.model_dump(), instance=account))
    saved = form.save(commit=False)
    save_account(user=request.user, account=saved, changed=form.changed_data)
    return AccountDetail.of(saved)
