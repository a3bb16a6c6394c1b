"""The test of an account's connection: requesting it, and reading its result."""

from __future__ import annotations

from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_ONE, Nothing
from deployments.accounts.api.accounts import MANAGE, account_of
from deployments.accounts.api.schemas.connection import ConnectionOut
from deployments.accounts.commands.accounts import request_connection_test
from deployments.environments.models.accounts import Account

ACCEPTED = 202


@router.get(
    "/accounts/{account_id}/connection",
    response={200: ConnectionOut, **FOR_ONE},
    operation_id="get_connection",
)
def get_connection(request: ApiRequest, account_id: Key) -> ConnectionOut:
    """Return the result of the last test of an account, and whether one is in progress."""
    require_somewhere(request, MANAGE)
    return ConnectionOut.of(account_of(account_id))


@requests(
    router,
    "/accounts/{account_id}/test-connection",
    ConnectionOut,
    status=ACCEPTED,
    name="test_connection",
    needs=MANAGE,
)
def test_connection(request: ApiRequest, account_id: Key, body: Nothing) -> ConnectionOut:
    """Request a test of an account: its identity, region, permissions and bucket. Nothing is changed."""
    require_somewhere(request, MANAGE, "test_connection")
    account = account_of(account_id)
    request_connection_test(user=request.user, account=account)
    return ConnectionOut.of(Account.objects.get(pk=account.pk))
