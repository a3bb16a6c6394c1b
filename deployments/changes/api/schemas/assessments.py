"""The assessment of a change, and what it does to each tier, as the API returns them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from ninja import Schema
from pydantic import Field

from deployments.changes.rules.assessment import AffectedTier, ChangeAssessment, Likelihood, Outage
from deployments.changes.texts import assessment as texts


class OutageOut(Schema):
    """Whether visitors notice a change, as its page says it: of all tiers, that of the most serious one."""

    likelihood: Literal["not_expected", "possible", "expected"]
    minutes: int | None = Field(
        description="At most how long, by earlier runs; null if that is unknown.", examples=[4]
    )
    text: str = Field(description="In the request's language.", examples=["Up to about 4 min"])

    @classmethod
    def of(cls, found: Outage) -> Self:
        """Return an outage."""
        names: dict[Likelihood, Literal["not_expected", "possible", "expected"]] = {
            Likelihood.NOT_EXPECTED: "not_expected",
            Likelihood.POSSIBLE: "possible",
            Likelihood.EXPECTED: "expected",
        }
        text = texts.outage_text(found)
        return cls(likelihood=names[found.likelihood], minutes=found.minutes or None, text=text)


class DurationOut(Schema):
    """How many seconds a change takes from Apply until the environment is ready, with a range of 90 %."""

    seconds: float = Field(examples=[1260])
    low: float = Field(examples=[1080])
    high: float = Field(examples=[1620])
    runs: int = Field(description="From how many earlier changes; 0 for the first one.", examples=[7])


class AssessmentOut(Schema):
    """What a change replaces, and how long it takes, as the top of its page says it."""

    text: str = Field(
        description="In the request's language, with the outage.",
        examples=["Replaces 2 servers: no outage expected"],
    )
    servers: int | None = Field(
        description="How many servers CloudFormation replaces; null if it replaces some and their number"
        " is not known.",
        examples=[2],
    )
    interrupted: list[str] = Field(
        description="The resources that are updated in place and drop their connections.",
        examples=[["DatabaseInstanceA"]],
    )
    duration: DurationOut | None = Field(description="Null without a forecast.")

    @classmethod
    def of(cls, found: ChangeAssessment) -> Self:
        """Return an assessment."""
        return cls(
            text=texts.sentence(found),
            servers=found.servers,
            interrupted=list(found.interrupted),
            duration=DurationOut.from_orm(found.duration) if found.duration else None,
        )


class AffectedTierOut(Schema):
    """What a change does to one tier: a nested stack of the root stack, or the root stack."""

    name: str = Field(examples=["AppServers"])
    text: str = Field(description="What happens, in the request's language.")
    minutes: int | None = Field(description="The usual duration; null if it is unknown.", examples=[4])
    outage: OutageOut

    @classmethod
    def of(cls, found: AffectedTier, root: str, happens: Iterable[str]) -> Self:
        """Return a tier with what happens in it. `root` is the name of the root stack."""
        return cls(
            name=found.name or root,
            text=" ".join(happens),
            minutes=found.minutes or None,
            outage=OutageOut.of(found.outage),
        )
