"""The list of accounts."""

from __future__ import annotations

from django.http import HttpResponse

from deployments.access.api import keyset
from deployments.access.api.filters import Name
from deployments.access.api.keyset import After, Limit
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST
from deployments.access.models.permissions import known_accounts
from deployments.accounts.api.schemas.account import AccountOut, AccountPage
from deployments.accounts.models import ConnectionTest
from deployments.environments.models.accounts import Account


@router.get("/accounts", response={200: AccountPage, **FOR_LIST}, operation_id="list_accounts")
def list_accounts(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, name: Name
) -> AccountPage:
    """List the accounts in which environments are deployed, the newest first."""
    rows = Account.objects.usable().matching(known_accounts(request.user)).before(after)
    rows = rows.called(name) if name else rows
    page = list(rows[: limit + 1])
    tests = ConnectionTest.objects.filter(account__in=page).by_account()
    found = [AccountOut.of(row, tests.get(row.pk)) for row in page]
    return AccountPage(**keyset.page(request, response, found, limit, "id"))
