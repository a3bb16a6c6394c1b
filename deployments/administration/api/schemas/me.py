"""Who sends a request, as the API returns it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.contrib.auth.models import User
from ninja import Schema
from pydantic import Field

from deployments.access.models.tokens import ApiToken


class UserOut(Schema):
    """A person or a service account."""

    id: int = Field(examples=[2])
    username: str = Field(examples=["ana"])

    @classmethod
    def of(cls, row: User) -> Self:
        """Return a row."""
        return cls(id=row.pk, username=row.get_username())


class TokenOut(Schema):
    """The token of a request, without its value."""

    name: str = Field(examples=["CI"])
    prefix: str = Field(examples=["sanso_a1B2c3"])
    scopes: list[str] = Field(examples=[["read", "deploy"]])
    expires_at: datetime

    @classmethod
    def of(cls, row: ApiToken) -> Self:
        """Return a row."""
        return cls(name=row.name, prefix=row.prefix, scopes=row.scopes, expires_at=row.expires_at)


class MeOut(Schema):
    """The user of a request, its token, and the rights that it has with it."""

    user: UserOut
    token: TokenOut | None = Field(description="Null in a browser's session.")
    rights: list[str] = Field(
        description="The rights that it has about anything at all.", examples=[["deployments.add_deployment"]]
    )
    right_names: list[str] = Field(
        description="Their names in the request's language.", examples=[["Create environments"]]
    )
