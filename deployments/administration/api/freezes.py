"""The freeze windows of accounts: reading, adding, editing and deleting them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from deployments.access.api import keyset
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import After, Key, Limit
from deployments.access.api.problems import validated
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_LIST, Nothing
from deployments.access.models.permissions import visible_accounts
from deployments.access.rules.roles import Right
from deployments.administration.api.schemas.freezes import FreezeBody, FreezeOut, FreezePage
from deployments.administration.pages.forms.freezes import FreezeForm
from deployments.environments.models.accounts import Account
from deployments.locks.commands.locks import delete_freeze, save_freeze
from deployments.locks.models import FreezeWindow

MANAGE = Right.MANAGE_ACCOUNTS
CREATED = 201


@router.get("/freeze-windows", response={200: FreezePage, **FOR_LIST}, operation_id="list_freeze_windows")
def list_freeze_windows(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit
) -> FreezePage:
    """List the freeze windows of the accounts that the user may view, the newest first."""
    accounts = Account.objects.usable().matching(visible_accounts(request.user))
    return FreezePage.of(
        request, response, keyset.before(FreezeWindow.objects.of_accounts(accounts), after), limit
    )


@requests(router, "/freeze-windows", FreezeOut, status=CREATED, name="create_freeze_window", needs=MANAGE)
def create_freeze_window(request: ApiRequest, body: FreezeBody) -> FreezeOut:
    """Add a freeze window: nothing is deployed, changed or deleted in its account meanwhile."""
    require_somewhere(request, MANAGE, "add_freeze")
    return _saved_window(request, None, body)


@requests(router, "/freeze-windows/{window_id}", FreezeOut, name="edit_freeze_window", needs=MANAGE)
def edit_freeze_window(request: ApiRequest, window_id: Key, body: FreezeBody) -> FreezeOut:
    """Change a freeze window: all its values are given."""
    require_somewhere(request, MANAGE, "edit_freeze")
    return _saved_window(request, get_object_or_404(FreezeWindow, pk=window_id), body)


@requests(router, "/freeze-windows/{window_id}/delete", FreezeOut, name="delete_freeze_window", needs=MANAGE)
def delete_freeze_window(request: ApiRequest, window_id: Key, body: Nothing) -> FreezeOut:
    """Delete a freeze window, and return what it was."""
    require_somewhere(request, MANAGE, "delete_freeze")
    window = get_object_or_404(FreezeWindow, pk=window_id)
    found = FreezeOut.of(window)
    delete_freeze(user=request.user, window=window)
    return found


def _saved_window(request: ApiRequest, window: FreezeWindow | None, body: FreezeBody) -> FreezeOut:
    form = validated(FreezeForm(body.model_dump(mode="json"), instance=window))
    saved = form.save(commit=False)
    save_freeze(user=request.user, window=saved, changed=form.changed_data)
    return FreezeOut.of(saved)
