"""What the operation takes that creates an environment."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field, StrictBool, StrictInt, model_validator

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
from deployments.changes.commands.restoring import data_at
from deployments.environments.models.environments import Environment
from deployments.template_sets.template_files.restored_data import RestoredData


class RestoreData(Body):
    """The data of a database: a snapshot, or a point in time while the database exists."""

    snapshot: str = Field(default="", max_length=255, examples=["sanso-shop-20261201-170000-0a1b2c3d"])
    time: AwareDatetime | None = Field(
        default=None,
        description="Instead of a snapshot: the second to which the database is restored. What was "
        "acknowledged before it is there, and nothing that was sent in it or later.",
        examples=["2026-12-02T14:03:20Z"],
    )
    cluster: str = Field(
        default="",
        max_length=100,
        description="With a time: the database cluster, if the environment has several.",
    )

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if bool(self.snapshot) == bool(self.time):
            raise ValueError("Give either a snapshot or a time.")
        return self

    def of(self, environment: Environment) -> RestoredData:
        """Return the data of an environment. Raise UserFixable like `data_at`."""
        if self.time:
            return data_at(environment, self.time, self.cluster)
        return RestoredData(snapshot=self.snapshot)


class RestoreFrom(RestoreData):
    """The data of an environment's database: a snapshot, or a point in time while the environment exists."""

    environment: StrictInt = Field(ge=1, le=MAX_KEY, description="The key of the environment.", examples=[7])


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
        description="Create it with the data of another environment. Parameters and version that are not "
        "given are those of the last deployment of that environment.",
    )
    scheduled_for: AwareDatetime | None = Field(
        default=None,
        description="When its creation begins, within 30 days; the name is taken at once. Without it, now.",
    )
