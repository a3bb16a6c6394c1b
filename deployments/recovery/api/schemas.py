"""What remains in AWS of an environment, as the API returns it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.schemas import Body, TypedName
from deployments.cloudformation.remaining import Remaining
from deployments.common.texts import message_text


class RemainingResourceOut(Schema):
    """A resource that is still there."""

    type: str = Field(examples=["AWS::RDS::DBClusterSnapshot"])
    id: str = Field(examples=["sanso-shop-final"])
    path: str = Field(description="The logical ids below the root, empty if no stack has it.")
    reason: str = Field(examples=["snapshot"])
    billing: str = Field(examples=["billed"])
    can_delete: bool = Field(description="Whether Sanso can delete it by itself.")
    details: dict[str, str]


class SearchProblem(Schema):
    """A service that could not be searched."""

    service: str = Field(examples=["rds"])
    text: str = Field(description="Why, in the request's language.")


class RemainingOut(Schema):
    """What is left in AWS of an environment's latest deployment, as far as is known."""

    deployment: int = Field(examples=[12])
    stack_status: str = Field(description="Of the root stack, empty if there is none any more.")
    search: str = Field(examples=["done"])
    searched_at: datetime | None
    problems: list[SearchProblem]
    items: list[RemainingResourceOut]

    @classmethod
    def of(cls, deployment: int, found: Remaining) -> Self:
        """Return what remains of a deployment."""
        return cls(
            deployment=deployment,
            stack_status=found.stack_status,
            search=found.search,
            searched_at=found.searched_at,
            problems=[
                SearchProblem(service=name, text=message_text(why)) for name, why in found.problems.items()
            ],
            items=[RemainingResourceOut.from_orm(one) for one in found.resources],
        )


class ChosenResource(Body):
    """A resource, as the list of what remains has it."""

    type: str = Field(max_length=200, examples=["AWS::RDS::DBClusterSnapshot"])
    id: str = Field(max_length=2000, examples=["sanso-shop-final"])


class DeleteRemainingBody(Body):
    """Which remaining resources are deleted. Nobody can undo it."""

    resources: list[ChosenResource] = Field(min_length=1, max_length=500)
    typed_name: str = TypedName
