"""An account as the API returns and takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.keyset import Page
from deployments.access.api.schemas import Body
from deployments.accounts.display.what_stays import StayingLine, staying_lines
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.account_csv import MAX_SIZE
from deployments.accounts.rules.connection import Result
from deployments.accounts.rules.what_stays import Staying
from deployments.environments.models.accounts import Account
from deployments.environments.rules.account_template import REVISION


class AccountOut(Schema):
    """An account and region in which environments are deployed."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["production"])
    region: str = Field(examples=["ap-northeast-1"])
    is_sandbox: bool
    connection: Result | None = Field(
        description="The result of the last test of its connection; null before the first."
    )
    connection_tested_at: datetime | None

    @classmethod
    def of(cls, row: Account, test: ConnectionTest | None) -> Self:
        """Return a row with its test."""
        return cls(
            id=row.pk,
            name=row.name,
            region=row.region,
            is_sandbox=row.is_sandbox,
            connection=_result(test),
            connection_tested_at=test.tested_at if test else None,
        )


def _result(test: ConnectionTest | None) -> Result | None:
    return Result(test.result) if test and test.result else None


class AccountPage(Page[AccountOut]):
    """A page of accounts, the newest first."""


class StaysOut(Schema):
    """Something in AWS that Sanso leaves when the account is deleted here."""

    kind: Staying
    name: str = Field(examples=["sanso-account"])
    region: str = Field(examples=["ap-northeast-1"])
    is_billed: bool
    used_by: list[str] = Field(description="The names of other accounts in Sanso that use it.")
    text: str = Field(description="The same as a sentence, in the language of the request.")

    @classmethod
    def of(cls, line: StayingLine) -> Self:
        """Return a line."""
        found = line.found
        return cls(
            kind=found.kind,
            name=found.name,
            region=found.region,
            is_billed=found.is_billed,
            used_by=list(found.used_by),
            text=line.text,
        )


class AccountDetail(AccountOut):
    """An account with the roles that Sanso uses there."""

    role_arn: str = Field(description="The role that Sanso assumes, empty for its own credentials.")
    external_id: str = Field(description="For the trust policy of the role. Sanso chooses it.")
    service_role_arn: str
    boundary_arn: str
    artifact_bucket: str
    roles_revision: int | None = Field(
        description="The revision of the deployed account.yaml; null if the stack sanso-account is unknown."
    )
    roles_revision_needed: int = Field(description="The revision that this version of Sanso needs.")
    stays_in_aws: list[StaysOut] = Field(
        description="What stays in AWS when the account is deleted: Sanso deletes nothing there."
    )
    created_at: datetime

    @classmethod
    def of(cls, row: Account, test: ConnectionTest | None = None) -> Self:
        """Return a row with its test."""
        test = test or ConnectionTest.objects.of(row).first()
        return cls(
            id=row.pk,
            name=row.name,
            region=row.region,
            is_sandbox=row.is_sandbox,
            connection=_result(test),
            connection_tested_at=test.tested_at if test else None,
            role_arn=row.role_arn,
            external_id=row.external_id,
            service_role_arn=row.service_role_arn,
            boundary_arn=row.boundary_arn,
            artifact_bucket=row.artifact_bucket,
            roles_revision=row.roles_revision,
            roles_revision_needed=REVISION,
            stays_in_aws=[StaysOut.of(line) for line in staying_lines(row)],
            created_at=row.created_at,
        )


class AccountImportOut(Schema):
    """The accounts of a CSV, which were added."""

    accounts: list[AccountDetail]


class AccountImportBody(Body):
    """A CSV of accounts."""

    csv: str = Field(
        max_length=MAX_SIZE,
        description="The first line has the columns name, region and account_id, and any of role_arn, "
        "service_role_arn, boundary_arn and artifact_bucket, which are those of account.yaml otherwise.",
        examples=["name,region,account_id\nproduction,ap-northeast-1,123456789012\n"],
    )


class AccountBody(Body):
    """An account and region in AWS."""

    name: str = Field(max_length=40, examples=["production"])
    region: str = Field(max_length=30, examples=["ap-northeast-1"])
    role_arn: str = Field(default="", max_length=200, examples=["arn:aws:iam::123456789012:role/sanso"])
    service_role_arn: str = Field(default="", max_length=200)
    boundary_arn: str = Field(default="", max_length=200)
    artifact_bucket: str = Field(default="", max_length=63)
