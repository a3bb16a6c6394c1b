"""What many operations have in common: references that they return, what they take, their errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from ninja import Schema
from pydantic import ConfigDict, Field

from deployments.access.api.keyset import MAX_KEY
from deployments.cloudformation.parameters import MAX_NAME, MAX_PARAMETERS, MAX_VALUE
from deployments.common.texts import stored_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment


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


Reason = Field(default="", max_length=200, description="Shown in the history.", examples=["Larger servers"])

TypedName = Field(max_length=60, description="The environment's name, as a confirmation.", examples=["shop"])

ParameterName = Annotated[str, Field(max_length=MAX_NAME)]

ParameterValue = Annotated[str, Field(max_length=MAX_VALUE)]

LabelText = Annotated[str, Field(max_length=200)]
"""A key or a value. The action refuses those that are too long for a label."""

Parameters: Any = Field(
    default={},
    max_length=MAX_PARAMETERS,
    description="The values of parameters, also of secrets. Those left out keep their value or default.",
    examples=[{"WebInstanceType": "t4g.small"}],
)

Digest = Field(max_length=64, description="The digest of the preview that was read.")

VersionKey = Field(
    default=None, ge=1, le=MAX_KEY, description="The key of a version of a template set.", examples=[7]
)


class OnFailure(StrEnum):
    """What happens when something fails."""

    ROLL_BACK = "roll_back"
    KEEP = "keep"


class Body(Schema):
    """What an operation takes. A name that it does not know is refused: it may be a misspelled one."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """An operation that takes no values: `{}`."""


class ReasonBody(Body):
    """Why something is requested."""

    reason: str = Reason


# The documented errors of operations: no operation returns another one. Each is a `Problem`, which
# `DocumentedApi` adds to the document: django-ninja would build a model of its own for every status of every
# operation.
FOR_LIST: dict[int, Any] = dict.fromkeys((401, 403, 422, 429))
FOR_ONE: dict[int, Any] = dict.fromkeys((401, 403, 404, 422, 429))
CONFLICT: dict[int, Any] = {409: None}
FOR_REQUEST: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503))
