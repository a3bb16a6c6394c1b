"""An action request in responses of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.common.texts import stored_text
from deployments.stacks.models.action_requests import ActionRequest


class ActionOut(Schema):
    """An action in an environment that a worker executes, such as a site check or a snapshot."""

    id: int = Field(examples=[4])
    kind: str = Field(examples=["site_check"])
    state: str = Field(examples=["waiting"])
    text: str = Field(description="Its result, in the request's language.")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: ActionRequest) -> Self:
        """Return a row."""
        kind = "site_check" if row.kind == "save_time" else row.kind
        return cls(
            id=row.pk,
            kind=kind,
            state=row.state,
            text=stored_text(row.result.get("sentence")),
            created_at=row.created_at,
            ended_at=row.ended_at,
        )
