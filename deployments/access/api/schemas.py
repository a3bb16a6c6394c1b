"""What several resources have in common: references to others, messages, the page of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.common.texts import stored_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

Next = Field(
    default=None,
    description="The address of the next page, null on the last one; also in the `Link` header.",
    examples=["/api/v1/environments?limit=50&after=12"],
)


class AccountRef(Schema):
    """An account and region."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["production"])
    region: str = Field(examples=["ap-northeast-1"])

    @classmethod
    def of(cls, row: Account) -> Self:
        """Return the reference to a row."""
        return cls(id=row.pk, name=row.name, region=row.region)


class EnvironmentRef(Schema):
    """The environment of a deployment."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["shop"])

    @classmethod
    def of(cls, row: Environment) -> Self:
        """Return the reference to a row."""
        return cls(id=row.pk, name=row.name)


class StatusMessage(Schema):
    """A stable code, and its text in the request's language."""

    code: str = Field(examples=["CreateFailed"])
    text: str = Field(examples=["The stack could not be created."])

    @classmethod
    def of(cls, code: str, stored: Mapping[str, Any], otherwise: str) -> Self | None:
        """Return a stored message, None without a code."""
        return cls(code=code, text=stored_text(stored, otherwise)) if code else None
