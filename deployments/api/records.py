"""Accounts and audit records, for reading."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from deployments.access import known_accounts
from deployments.actions.request import PermissionMissing
from deployments.api import keyset
from deployments.api.keyset import After, Limit
from deployments.api.list_filters import Name
from deployments.api.requests import ApiRequest
from deployments.api.responses import FOR_LIST
from deployments.api.schemas.records import AccountOut, AccountPage, AuditQuery, RecordOut, RecordPage
from deployments.core.roles import Right
from deployments.models import Account
from deployments.presentation import audit_records
from deployments.presentation.filters.audit import AuditFilter

router = Router(tags=["Accounts and audit"])


@router.get("/accounts", response={200: AccountPage, **FOR_LIST}, operation_id="list_accounts")
def list_accounts(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, name: Name
) -> AccountPage:
    """List the accounts in which environments are deployed, the newest first."""
    rows = Account.objects.usable().matching(known_accounts(request.user)).before(after)
    rows = rows.called(name) if name else rows
    found = [AccountOut.of(row) for row in rows[: limit + 1]]
    return AccountPage(**keyset.page(request, response, found, limit, "id"))


@router.get("/audit", response={200: RecordPage, **FOR_LIST}, operation_id="list_audit")
def list_audit(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, wanted: Query[AuditQuery]
) -> RecordPage:
    """List what was requested and refused, the newest first. It needs the right to view the audit."""
    if not audit_records.may_view_audit(request.user):
        raise PermissionMissing(Right.VIEW_AUDIT)
    rows = AuditFilter(**wanted.values()).records(audit_records.visible_records(request.user))
    rows = rows.before(after) if after else rows
    found = [RecordOut.of(row) for row in rows[: limit + 1]]
    return RecordPage(**keyset.page(request, response, found, limit, "id"))
