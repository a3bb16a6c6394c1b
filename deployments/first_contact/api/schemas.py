"""First contacts in requests and responses."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.schemas import Body
from deployments.first_contact.display.report import answers_of, is_fine, steps_of
from deployments.first_contact.models import ContactRun, ContactStep
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.rules.step_names import FREE

StepName = Literal["reads", "roles", "strict", "change_set", "probe", "database", "environment"]


class ContactBody(Body):
    """A first contact with an account."""

    steps: list[StepName] = Field(
        default=list(FREE),
        max_length=10,
        description="Taken in their own order. AWS charges for the resources of probe, database and "
        "environment. For environment, the right to deploy in the account is needed.",
    )


class ContactAnswerOut(Schema):
    """The answer to one question."""

    question: str = Field(examples=["cloudformation.describe_stack"])
    outcome: Match = Field(description="How it compares with what Sanso expects.")
    text: str = Field(description="AWS's own words, without secrets.")
    seconds: float


class ContactStepOut(Schema):
    """One step with its answers."""

    name: str = Field(examples=["reads"])
    state: str = Field(examples=["done"], description="waiting, active, done, failed, canceled, not_run.")
    answers: list[ContactAnswerOut]

    @classmethod
    def of(cls, row: ContactStep) -> Self:
        """Return a row."""
        answers = [
            ContactAnswerOut(question=one.question, outcome=one.outcome, text=one.text, seconds=one.seconds)
            for one in answers_of(row)
        ]
        return cls(name=row.name, state=row.state, answers=answers)


class ContactLeftOut(Schema):
    """What may still exist in AWS."""

    type: str = Field(examples=["AWS::EC2::VPC"])
    id: str
    billing: str = Field(description="billed, free or unknown: whether AWS bills it for existing.")
    why: str


class ContactOut(Schema):
    """A first contact: AWS is called, and its answers are compared with what Sanso expects."""

    id: int = Field(examples=[4])
    state: str = Field(examples=["running"], description="queued, running, cleaning, finished.")
    as_expected: bool | None = Field(
        description="Whether every answer was as expected and nothing is left; null before its end."
    )
    canceled: bool
    tag: str = Field(description="The value of the tag sanso:first-contact of everything that it creates.")
    requested_by: str = Field(description="Empty for the command on the portal's machine.")
    steps: list[ContactStepOut]
    left: list[ContactLeftOut] | None = Field(
        description="What may still exist in AWS; null before the clean-up has ended."
    )
    began_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: ContactRun) -> Self:
        """Return a row."""
        left = [
            ContactLeftOut(type=one["type"], id=one["id"], billing=one["billing"], why=one["why"])
            for one in row.left or ()
        ]
        return cls(
            id=row.pk,
            state=row.state,
            as_expected=None if row.is_active else is_fine(row),
            canceled=bool(row.stopped_by),
            tag=row.tag,
            requested_by=row.requested_by,
            steps=[ContactStepOut.of(step) for step in steps_of(row)],
            left=None if row.is_active or row.left is None else left,
            began_at=row.began_at,
            ended_at=row.ended_at,
        )


class ContactList(Schema):
    """The latest first contacts with an account, newest first."""

    items: list[ContactOut]
