"""Accounts and audit records as the API returns them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.api.schemas.common import Next
from deployments.models import Account, AuditRecord
from deployments.wording import stored_text


class AccountOut(Schema):
    """An account and region in which environments are deployed."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["production"])
    region: str = Field(examples=["ap-northeast-1"])
    is_sandbox: bool

    @classmethod
    def of(cls, row: Account) -> Self:
        """Return a row."""
        return cls(id=row.pk, name=row.name, region=row.region, is_sandbox=row.is_sandbox)


class AccountPage(Schema):
    """A page of accounts, the newest first."""

    items: list[AccountOut]
    next: str | None = Next


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
        )


class RecordPage(Schema):
    """A page of audit records, the newest first."""

    items: list[RecordOut]
    next: str | None = Next
