"""Restore drills in requests and responses."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field, StrictBool

from deployments.access.api.schemas import Body
from deployments.common.texts import stored_text
from deployments.environments.models.environments import Environment
from deployments.restore_drills.models import RestoreDrill


class DrillBody(Body):
    """A restore drill of a database."""

    cluster: str = Field(
        default="",
        max_length=100,
        description="The cluster; without it, the one that is in use.",
    )


class DrillOut(Schema):
    """A restore drill: a copy of the database is restored, checked by what RDS says of it, and deleted."""

    id: int = Field(examples=[4])
    state: str = Field(examples=["creating"], description="queued, creating, checking, deleting, finished.")
    result: str = Field(examples=["passed"], description="passed, failed, or empty until it is known.")
    text: str = Field(description="The result, in the request's language.")
    requested_by: str = Field(description="Who requested it; empty of one that Sanso began by schedule.")
    attention: str = Field(description="Why it takes longer, in the request's language.")
    cluster: str = Field(examples=["sanso-shop-aurora-dbcluster-1x2y"])
    snapshot: str = Field(description="The snapshot that was restored; empty for a point in time.")
    restored_to: datetime | None = Field(description="The time whose data the copy has.")
    rpo_seconds: float | None = Field(description="How old that was when the drill began.")
    rto_seconds: float | None = Field(description="How long it took until the copy was available.")
    began_at: datetime
    ended_at: datetime | None = Field(description="When the stack of the copy was gone.")

    @classmethod
    def of(cls, row: RestoreDrill) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            state=row.state,
            result=row.result,
            text=stored_text(row.sentence),
            requested_by=row.requested_by.get_username() if row.requested_by else "",
            attention=stored_text(row.attention),
            cluster=row.cluster_id,
            snapshot=row.snapshot_id,
            restored_to=row.point_at,
            rpo_seconds=row.rpo.total_seconds() if row.rpo is not None else None,
            rto_seconds=row.rto.total_seconds() if row.rto is not None else None,
            began_at=row.began_at,
            ended_at=row.ended_at,
        )


class DrillScheduleBody(Body):
    """Whether Sanso runs a restore drill every month."""

    monthly: StrictBool = Field(
        description="The first one begins at once, or a month after the last drill if there was one."
    )


class DrillSchedule(Schema):
    """The restore drills that Sanso runs without a request."""

    monthly: bool
    next_at: datetime | None = Field(
        description="When the next one is due; it waits while a change, a lock or a drill is in progress."
    )

    @classmethod
    def of(cls, row: Environment) -> Self:
        """Return the schedule of an environment."""
        return cls(monthly=row.next_drill_at is not None, next_at=row.next_drill_at)


class DrillList(Schema):
    """The schedule of an environment's restore drills, and the latest ones, newest first."""

    schedule: DrillSchedule
    items: list[DrillOut]
