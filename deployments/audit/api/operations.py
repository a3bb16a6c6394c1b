"""Accounts and audit records, for reading."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from django.http import HttpResponse
from ninja import Query, Schema
from pydantic import AfterValidator, Field

from deployments.access.api.keyset import MAX_KEY, After, Limit, Page
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST
from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.access.rules.roles import Right
from deployments.audit.pages import records
from deployments.audit.pages.record_list import RECORDS, YEARS
from deployments.common.pages.choices import MAX_SEARCH
from deployments.common.texts import stored_text


def _in_years(day: date | None) -> date | None:
    """Return a day. Raise ValueError if no record can be of its year."""
    if day is not None and not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"The year must be from {YEARS[0]} to {YEARS[1]}.")
    return day


Day = Annotated[date | None, AfterValidator(_in_years)]


class AuditQuery(Schema):
    """The filters of the audit records; those left out do not filter."""

    person: str = Field(default="", max_length=MAX_SEARCH, description="Only of this user.")
    action: str = Field(default="", max_length=MAX_SEARCH, description="Only this action.")
    outcome: str = Field(default="", max_length=MAX_SEARCH, description="Only `requested` or `refused`.")
    environment: str = Field(
        default="", max_length=MAX_SEARCH, description="Only about the environment of this key or name."
    )
    account: int | None = Field(default=None, ge=1, le=MAX_KEY, description="Only in this account.")
    label: str = Field(
        default="", max_length=MAX_SEARCH, description="Only about environments with this label, `key=value`."
    )
    set: int | None = Field(
        default=None, ge=1, le=MAX_KEY, description="Only about environments of this template set."
    )
    by: str = Field(default="", max_length=MAX_SEARCH, description="Only by `session`, `token`, …")
    since: Day = Field(default=None, description="Only from the beginning of this day (UTC).")
    until: Day = Field(default=None, description="Only until the end of this day (UTC).")
    q: str = Field(default="", max_length=MAX_SEARCH, description="Only those that contain this text.")


class RecordOut(Schema):
    """What was requested, or refused."""

    id: int = Field(examples=[31])
    at: datetime
    user: str | None = Field(examples=["ana"])
    action: str = Field(examples=["apply"])
    permission: str = Field(examples=["deployments.change_environment"])
    outcome: str = Field(examples=["requested"])
    reason: str
    refusal: str = Field(description="Why it was refused, in the request's language.")
    name: str = Field(examples=["shop"])
    environment: int | None
    deployment: int | None
    details: dict[str, Any]
    before: dict[str, Any] | None = Field(description="The values before, without secrets.")
    after: dict[str, Any] | None = Field(description="The values after, without secrets.")
    by: str = Field(description="How it was requested: by a session or a token.", examples=["token"])
    by_id: str = Field(description="Of a token, its beginning.", examples=["sanso_a1B2c3"])

    @classmethod
    def of(cls, row: AuditRecord) -> Self:
        """Return a row with its user."""
        return cls(
            id=row.pk,
            at=row.at,
            user=row.username or (row.user.get_username() if row.user else None),
            action=row.action,
            permission=row.permission,
            outcome=row.outcome,
            reason=row.reason,
            refusal=stored_text(row.refusal),
            name=row.name,
            environment=row.environment_id,
            deployment=row.deployment_id,
            details=row.details,
            before=row.before,
            after=row.after,
            by=row.by,
            by_id=row.by_id,
        )


class RecordPage(Page[RecordOut]):
    """A page of audit records, the newest first."""


@router.get("/audit", response={200: RecordPage, **FOR_LIST}, operation_id="list_audit")
def list_audit(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, wanted: Query[AuditQuery]
) -> RecordPage:
    """List what was requested and refused, the newest first. It needs the right to view the audit."""
    if not records.may_view_audit(request.user):
        raise PermissionMissing(Right.VIEW_AUDIT)
    rows = RECORDS.kept(records.visible_records(request.user), dict(wanted))
    rows = rows.before(after) if after else rows
    return RecordPage.of(request, response, rows, limit)
