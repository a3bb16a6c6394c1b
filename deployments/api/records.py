"""Accounts and audit records, for reading."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router

from deployments.access import can, visible_accounts
from deployments.actions.request import PermissionMissing
from deployments.api import keyset
from deployments.api.keyset import After, Limit
from deployments.api.problems import Problem
from deployments.api.requests import ApiRequest
from deployments.api.responses import FOR_LIST
from deployments.api.schemas.records import AccountOut, AccountPage, RecordOut, RecordPage
from deployments.core.roles import Right
from deployments.models import Account, AuditRecord

router = Router(tags=["Accounts and audit"])


@router.get("/accounts", response={200: AccountPage, **FOR_LIST}, operation_id="list_accounts")
def list_accounts(request: ApiRequest, response: HttpResponse, after: After, limit: Limit) -> AccountPage:
    """List the accounts in which environments are deployed, the newest first."""
    rows = Account.objects.usable().matching(visible_accounts(request.user)).before(after)
    found = [AccountOut.of(row) for row in rows[: limit + 1]]
    return AccountPage(**keyset.page(request, response, found, limit, "id"))


@router.get("/audit", response={200: RecordPage, 403: Problem, **FOR_LIST}, operation_id="list_audit")
def list_audit(request: ApiRequest, response: HttpResponse, after: After, limit: Limit) -> RecordPage:
    """List what was requested and refused, the newest first. It needs the right to view the audit."""
    if not can(request.user, Right.VIEW_AUDIT):
        raise PermissionMissing(Right.VIEW_AUDIT)
    found = [RecordOut.of(row) for row in AuditRecord.objects.before(after)[: limit + 1]]
    return RecordPage(**keyset.page(request, response, found, limit, "id"))
