"""An account as the API returns and takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.keyset import Page
from deployments.access.api.schemas import Body
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import Result
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
            created_at=row.created_at,
        )


class AccountBody(Body):
    """An account and region in AWS."""

    name: str = Field(max_length=40, examples=["production"])
    region: str = Field(max_length=30, examples=["ap-northeast-1"])
    role_arn: str = Field(default="", max_length=200, examples=["arn:aws:iam::123456789012:role/sanso"])
    service_role_arn: str = Field(default="", max_length=200)
    boundary_arn: str = Field(default="", max_length=200)
    artifact_bucket: str = Field(default="", max_length=63)
