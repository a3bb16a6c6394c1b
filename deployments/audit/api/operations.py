"""Accounts and audit records, for reading."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query

from deployments.access.api import keyset
from deployments.access.api.keyset import After, Limit
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest
from deployments.access.api.responses import FOR_LIST
from deployments.access.commands.requesting import PermissionMissing
from deployments.access.rules.roles import Right
from deployments.audit.api.schemas import AuditQuery, RecordOut, RecordPage
from deployments.audit.pages import records
from deployments.audit.pages.filters import AuditFilter


@router.get("/audit", response={200: RecordPage, **FOR_LIST}, operation_id="list_audit")
def list_audit(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, wanted: Query[AuditQuery]
) -> RecordPage:
    """List what was requested and refused, the newest first. It needs the right to view the audit."""
    if not records.may_view_audit(request.user):
        raise PermissionMissing(Right.VIEW_AUDIT)
    rows = AuditFilter(**wanted.values()).records(records.visible_records(request.user))
    rows = rows.before(after) if after else rows
    found = [RecordOut.of(row) for row in rows[: limit + 1]]
    return RecordPage(**keyset.page(request, response, found, limit, "id"))
