"""The rules of approval for labels as the API returns and takes them."""

from __future__ import annotations

from typing import Self

from ninja import Schema
from pydantic import Field, StrictInt

from deployments.access.api.schemas import Body, Next
from deployments.changes.models.approvals import MAX_APPROVALS, ApprovalRule


class RuleOut(Schema):
    """How many people of which role approve changes of the environments with a label."""

    id: int = Field(examples=[2])
    label: str = Field(examples=["stage=production"])
    approvals: int = Field(examples=[2])
    role: str = Field(examples=["approver"])

    @classmethod
    def of(cls, row: ApprovalRule) -> Self:
        """Return a row."""
        return cls(id=row.pk, label="=".join(row.label), approvals=row.approvals, role=row.role)


class RulePage(Schema):
    """A page of rules, the newest first."""

    items: list[RuleOut]
    next: str | None = Next


class RuleBody(Body):
    """The rule of a label. One that the label has already is replaced."""

    label: str = Field(max_length=110, examples=["stage=production"])
    approvals: StrictInt = Field(default=1, ge=1, le=MAX_APPROVALS)
    role: str = Field(default="approver", max_length=20, examples=["approver"])
