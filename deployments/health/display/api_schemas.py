"""The health of an environment as the API returns it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from ninja import Schema
from pydantic import Field

from deployments.common.errors import Message
from deployments.common.texts import message_text
from deployments.health.rules.components import Component
from deployments.health.rules.observations import PolledSource
from deployments.health.rules.rollup import Health, Tier


def _text(message: Message | None) -> str:
    return message_text(message) if message else ""


class ComponentOut(Schema):
    """A load balancer, a server or a database."""

    kind: str = Field(examples=["server"])
    key: str = Field(examples=["i-0a1b2c3d"])
    name: str
    zone: str = Field(examples=["ap-northeast-1a"])
    status: str = Field(examples=["healthy"])
    transition: Literal["", "starting", "leaving", "standby"] = Field(
        description="What it is doing in the place of an `unknown` health."
    )
    text: str = Field(description="Why it is not healthy.")

    @classmethod
    def of(cls, row: Component) -> Self:
        """Return a component."""
        return cls(
            kind=row.kind,
            key=row.key,
            name=row.name,
            zone=row.zone,
            status=row.assessment.status,
            transition=row.transition.value if row.transition else "",
            text=_text(row.assessment.sentence),
        )


class TierOut(Schema):
    """A tier that a request passes through."""

    name: str = Field(examples=["web"])
    status: str = Field(examples=["healthy"])
    text: str
    healthy: int
    total: int
    components: list[ComponentOut]

    @classmethod
    def of(cls, row: Tier) -> Self:
        """Return a tier."""
        return cls(
            name=row.name,
            status=row.assessment.status,
            text=_text(row.assessment.sentence),
            healthy=row.healthy,
            total=row.total,
            components=[ComponentOut.of(one) for one in row.components],
        )


class SourceOut(Schema):
    """A source of figures, and why its last poll failed."""

    name: str = Field(examples=["elbv2"])
    observed_at: datetime | None
    problem: str


class HealthOut(Schema):
    """The health of an environment: the worst status of its tiers."""

    status: str = Field(examples=["healthy"])
    text: str = Field(description="Why it is not healthy, in the request's language.")
    tiers: list[TierOut]
    sources: list[SourceOut]

    @classmethod
    def of(cls, health: Health, sources: Mapping[str, PolledSource]) -> Self:
        """Return the health that was computed from some sources."""
        return cls(
            status=health.status,
            text=_text(health.sentence),
            tiers=[TierOut.of(one) for one in health.tiers],
            sources=[
                SourceOut(name=name, observed_at=one.observed_at, problem=_text(one.problem))
                for name, one in sources.items()
            ],
        )
