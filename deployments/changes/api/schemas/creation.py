"""What the operation takes that creates an environment."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from deployments.access.api.bodies import (
    LabelText,
    OnFailure,
    ParameterName,
    Parameters,
    ParameterValue,
    ReasonBody,
    VersionKey,
)
from deployments.access.api.keyset import MAX_KEY


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
    scheduled_for: AwareDatetime | None = Field(
        default=None,
        description="When its creation begins, within 30 days; the name is taken at once. Without it, now.",
    )
