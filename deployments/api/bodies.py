"""What operations take: the names of values are those of the pages' fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, StrictBool, StrictInt, model_validator

from deployments.access.api.schemas import (
    Body,
    Digest,
    LabelText,
    OnFailure,
    ParameterName,
    Parameters,
    ParameterValue,
    ReasonBody,
    TypedName,
    VersionKey,
)
from deployments.changes.api.schemas.creation import RestoreData
from deployments.changes.models.approvals import MAX_APPROVALS
from deployments.changes.rules.approvals import Policy
from deployments.environments.models.environments import Environment
from deployments.template_sets.template_files.restored_data import DatabaseChange

ResourcePath = Annotated[str, Field(max_length=2_000)]
"""Logical ids of nested stacks and of a resource, of at most 255 characters each."""
Labels: Any = Field(
    max_length=100,
    description="Sanso's own, not tags of the stack: one value for each key.",
    examples=[{"team": "payments"}],
)


class ApproverRole(StrEnum):
    """The role that everybody needs who approves."""

    APPROVER = "approver"
    ADMIN = "admin"


class ChangeBody(ReasonBody):
    """A change of an environment: values, a version of the template set, or both."""

    parameters: dict[ParameterName, ParameterValue] = Parameters
    template_version: StrictInt | None = VersionKey
    current_set: StrictBool = Field(
        default=False, description="Take the bundled template set as it is now, not the deployed version."
    )
    restore: RestoreData | None = Field(
        default=None,
        description="Restore this data as a second database, beside the one in use.",
    )
    switch_to: Literal["A", "B"] | None = Field(
        default=None,
        description="Let the servers use this one of two databases: A, with which the environment was "
        "created, or B, restored beside it.",
    )
    delete_database: Literal["A", "B"] | None = Field(
        default=None,
        description="Delete this one of two databases, which the servers do not use. The first change "
        "removes its instances and its protection, the second one its cluster.",
    )
    keep_database: Literal["A", "B"] | None = Field(
        default=None,
        description="Keep this database, whose deletion has begun: it gets its instances and its protection "
        "again.",
    )
    plan: StrictBool = Field(
        default=False,
        description="It is only read: lists leave it out when it has ended without being applied.",
    )

    @model_validator(mode="after")
    def _changes_databases_once(self) -> Self:
        if sum(map(bool, (self.restore, self.switch_to, self.delete_database, self.keep_database))) > 1:
            raise ValueError("Give only one of restore, switch_to, delete_database and keep_database.")
        return self

    def databases(self, environment: Environment) -> DatabaseChange:
        """Return what changes of the databases of an environment. Raise UserFixable like `data_at`."""
        return DatabaseChange(
            restore=self.restore.of(environment) if self.restore else None,
            switch_to=self.switch_to or "",
            delete=self.delete_database or "",
            keep=self.keep_database or "",
        )


class DeletionBody(ReasonBody):
    """The deletion of an environment."""

    typed_name: str = TypedName
    unprotect: StrictBool = Field(default=False, description="Turn off deletion protection first.")


class DeletionAgainBody(DeletionBody):
    """The deletion of a stack whose deletion failed."""

    resources: list[ResourcePath] = Field(
        default=[], max_length=500, description="The paths of what stays in AWS."
    )
    force: StrictBool = Field(default=False, description="Leave everything in AWS that resists.")


class ContinueBody(ReasonBody):
    """How a failed rollback is continued."""

    resources: list[ResourcePath] = Field(
        default=[], max_length=500, description="The paths of what is skipped."
    )


class LabelsBody(Body):
    """All labels of an environment."""

    labels: dict[LabelText, LabelText] = Labels


class LockBody(Body):
    """A lock of an environment."""

    reason: str = Field(max_length=200, examples=["Load test until noon"])
    expires_at: AwareDatetime | None = None


class ApprovalRuleBody(ReasonBody):
    """Whether changes of an environment require approval."""

    required: StrictBool
    approvals: StrictInt | None = Field(
        default=None, ge=1, le=MAX_APPROVALS, description="How many; without it, as many as before, or 1."
    )
    role: ApproverRole | None = Field(
        default=None, description="The role that each approver needs; without it, as before, or `approver`."
    )

    def policy(self, before: Policy) -> Policy:
        """Return what is required from now on."""
        roles = before.roles if self.role is None else frozenset([self.role.value])
        return Policy(approvals=self.approvals or before.approvals, roles=roles)


class ChannelBody(Body):
    """The branches and tags that an environment follows."""

    channel: str = Field(max_length=1000, description="Patterns, empty for none.", examples=["v1.*"])


class RunBody(Body):
    """A run of an association."""

    association: str = Field(max_length=200)
    only_failed: StrictBool = False


class SnapshotBody(Body):
    """A snapshot of a database."""

    cluster: str = Field(
        default="",
        max_length=100,
        description="The cluster; it may be left out if the environment has one only.",
    )


class ApplyBody(Body):
    """How a preview is applied."""

    digest: str = Digest
    typed_name: str = Field(
        default="", max_length=60, description="The environment's name, if data may be lost."
    )
    in_line: StrictBool = Field(
        default=False, description="What a rollback skipped is in line with the templates."
    )
    on_failure: OnFailure = OnFailure.ROLL_BACK
    go_back: StrictBool = Field(
        default=False, description="A release to servers goes back by itself if a server fails."
    )
    snapshot_first: StrictBool = Field(
        default=False,
        description="Take snapshots of the databases whose data may be lost, before anything changes. Without"
        " such a database it has no effect.",
    )
    scheduled_for: AwareDatetime | None = None


class CancelBody(Body):
    """What canceling is meant to do; without `effect`, what it does now."""

    effect: str = Field(default="", max_length=30, examples=["roll_back"])


class ScheduleBody(Body):
    """The time of a creation that waits."""

    scheduled_for: AwareDatetime | None = Field(
        default=None, description="When it begins, within 30 days. Without it, now."
    )


class ApproveBody(Body):
    """What is approved."""

    digest: str = Digest


class BypassBody(Body):
    """What is applied without its approvals, and why."""

    digest: str = Digest
    reason: str = Field(max_length=200, examples=["The shop is down"])


class DenyBody(Body):
    """Why a request is denied."""

    reason: str = Field(max_length=200)
