"""An account as the API returns it."""

from __future__ import annotations

from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.schemas import Next
from deployments.environments.models.accounts import Account


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
