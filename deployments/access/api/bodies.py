"""What many operations take: a reason, a typed name, and nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from deployments.access.api.keyset import MAX_KEY
from deployments.cloudformation.parameters import MAX_NAME, MAX_PARAMETERS, MAX_VALUE

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
