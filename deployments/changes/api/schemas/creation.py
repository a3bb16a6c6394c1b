"""What the operation takes that creates an environment."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from deployments.access.api.keyset import MAX_KEY
from deployments.access.api.schemas import (
    Body,
    LabelText,
    OnFailure,
    ParameterName,
    Parameters,
    ParameterValue,
    ReasonBody,
    VersionKey,
)


class RestoreFrom(Body):
    """A snapshot of an environment's database; the environment may be deleted."""

    environment: StrictInt = Field(ge=1, le=MAX_KEY, description="The key of the environment.", examples=[7])
    snapshot: str = Field(min_length=1, max_length=255, examples=["sanso-shop-20261201-170000-0a1b2c3d"])


class CreateBody(ReasonBody):
    """A new environment."""

    name: str = Field(max_length=40, examples=["shop"])
    account: StrictInt = Field(ge=1, le=MAX_KEY, description="The key of its account.", examples=[1])
    parameters: dict[ParameterName, ParameterValue] = Parameters
    template_version: StrictInt | None = VersionKey
    on_failure: OnFailure = OnFailure.ROLL_BACK
    requires_approval: StrictBool = False
    labels: dict[LabelText, LabelText] | None = Field(
        default=None, max_length=100, description="Its labels.", examples=[{"team": "payments"}]
    )
    restore_from: RestoreFrom | None = Field(
        default=None,
        description="Create it with the data of a snapshot. Parameters and version that are not given are "
        "those of the last deployment of the environment that the snapshot is from.",
    )
    scheduled_for: AwareDatetime | None = Field(
        default=None,
        description="When its creation begins, within 30 days; the name is taken at once. Without it, now.",
    )
