"""Comparisons, replays and recordings of deployments as the API returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.deployment_pages.api.schemas.deployments import DeploymentOut, word_of
from deployments.deployment_pages.rules.comparison import ChangedParameter, ComparedPart, Comparison, Pair
from deployments.environments.models.deployments import Deployment


class PartOut(Schema):
    """A stack or a resource in one of two deployments."""

    status: str = Field(examples=["CREATE_COMPLETE"])
    display_status: str = Field(description="The result, as in the timeline.", examples=["rolled_back"])
    began: float | None = Field(description="Seconds since the deployment was requested.")
    seconds: float | None = Field(description="How long it took, null while it is in progress.")

    @classmethod
    def of(cls, row: ComparedPart | None) -> Self | None:
        """Return a part, None where a deployment does not have it."""
        if row is None:
            return None
        display = word_of(row.result)
        return cls(status=row.status, display_status=display, began=row.began, seconds=row.seconds)


class ComparedOut(Schema):
    """A stack or a resource in both deployments."""

    path: str = Field(description="The logical ids below the root, empty for the root.")
    type: str = Field(examples=["AWS::EC2::VPC"])
    difference: str = Field(examples=["slower"])
    first: PartOut | None
    second: PartOut | None

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """Return a pair."""
        return cls(
            path=pair.path,
            type=pair.type,
            difference=pair.difference,
            first=PartOut.of(pair.first),
            second=PartOut.of(pair.second),
        )


class ChangedParameterOut(Schema):
    """A parameter whose values differ; null where a deployment does not have it."""

    name: str = Field(examples=["Size"])
    first: str | None
    second: str | None

    @classmethod
    def of(cls, row: ChangedParameter) -> Self:
        """Return a parameter."""
        return cls(name=row.name, first=_text(row.first), second=_text(row.second))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class ComparisonOut(Schema):
    """What differs between two deployments of an environment."""

    first: DeploymentOut
    second: DeploymentOut
    first_difference: str | None = Field(description="The path of what differs first, null if nothing does.")
    counts: dict[str, int] = Field(examples=[{"same": 40, "slower": 2}])
    parameters: list[ChangedParameterOut]
    items: list[ComparedOut]

    @classmethod
    def of(cls, first: Deployment, second: Deployment, found: Comparison) -> Self:
        """Return the comparison of two rows."""
        return cls(
            first=DeploymentOut.of(first),
            second=DeploymentOut.of(second),
            first_difference=found.divergence.path if found.divergence else None,
            counts={str(name): number for name, number in found.counts.items()},
            parameters=[ChangedParameterOut.of(one) for one in found.parameters],
            items=[ComparedOut.of(pair) for pair in found.pairs],
        )


class RecordingOut(Schema):
    """A deployment that has ended with all its rows: `manage.py load_recording` reads it elsewhere."""

    format: int = Field(description="The version of this format.", examples=[1])
    region: str = Field(examples=["ap-northeast-1"])
    requested_by: str = Field(examples=["ana"])
    environment: dict[str, Any]
    deployment: dict[str, Any] = Field(description="Without secret parameters.")
    stacks: list[dict[str, Any]]
    events: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    expectation: dict[str, Any] | None


class IncludedOut(Schema):
    """A recording that Sanso includes."""

    name: str = Field(examples=["success"])
    deployment: int | None = Field(description="Its deployment, null until somebody imports it.")


class IncludedList(Schema):
    """The recordings that Sanso includes."""

    items: list[IncludedOut]

    @classmethod
    def of(cls, names: list[str], imported: Mapping[str, Deployment]) -> Self:
        """Return the names with the deployments of those that were imported."""
        found = {name: row.pk for name, row in imported.items()}
        return cls(items=[IncludedOut(name=name, deployment=found.get(name)) for name in names])
