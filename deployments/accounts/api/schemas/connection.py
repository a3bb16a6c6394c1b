"""The test of a connection as the API returns it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.accounts.display.connection import FindingLine, connection_status
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import Check, Result
from deployments.environments.models.accounts import Account


class ConnectionFindingOut(Schema):
    """One check of a test."""

    check: Check
    result: Result
    text: str = Field(description="What was found, in the language of the request.")
    advice: str = Field(description="What to do about it; empty where there is nothing to do.")
    actions: list[str] = Field(description="The IAM actions that the role lacks.")
    policy: str = Field(description="The policy to add to the role, as JSON; empty without one.")
    link: str = Field(description="The page of the quota in the console of AWS; empty without one.")

    @classmethod
    def of(cls, line: FindingLine) -> Self:
        """Return a line."""
        return cls(
            check=Check(line.check),
            result=line.result,
            text=line.text,
            advice=line.advice,
            actions=list(line.actions),
            policy=line.policy,
            link=line.link,
        )


class ConnectionOut(Schema):
    """The last test of an account."""

    account: int = Field(examples=[1])
    running: bool = Field(description="Whether a test is in progress; the result is the one before it.")
    result: Result | None = Field(description="The worst result of all checks; null before the first test.")
    tested_at: datetime | None
    account_number: str = Field(examples=["123456789012"])
    findings: list[ConnectionFindingOut]

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the test of an account."""
        found = connection_status(ConnectionTest.objects.of(account).first())
        return cls(
            account=account.pk,
            running=found.is_running,
            result=found.result,
            tested_at=found.tested_at,
            account_number=found.account_number,
            findings=[ConnectionFindingOut.of(line) for line in found.lines],
        )
