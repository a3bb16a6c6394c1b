"""What stays in AWS when an account is removed, and which other accounts of Sanso use it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from deployments.environments.rules.account_template import STACK

UNKNOWN_NUMBER = "ACCOUNT"
"""In a bucket's name, for the number of an AWS account that was never tested."""


class Staying(StrEnum):
    """What the stack of account.yaml has created."""

    ROLES_STACK = "roles_stack"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlace:
    """Where an account of Sanso is in AWS; `number` is "" and `bucket` may be "" where they are unknown."""

    name: str
    number: str
    region: str
    bucket: str = ""

    @property
    def bucket_name(self) -> str:
        """Return the name of the artifact bucket, its own or the default."""
        return self.bucket or f"sanso-artifacts-{self.number or UNKNOWN_NUMBER}-{self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaysInAws:
    """Something that stays. `used_by` are the names of other accounts of Sanso that need it."""

    kind: Staying
    name: str
    region: str
    is_billed: bool = False
    used_by: tuple[str, ...] = ()


def number_of(role_arn: str) -> str:
    """Return the number of the AWS account of a role, "" without one."""
    parts = role_arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def what_stays(account: AccountPlace, others: Collection[AccountPlace]) -> list[StaysInAws]:
    """Return what stays of an account on AWS, with those of the other accounts that use it.

    Roles are global: other regions of the AWS account use those of this one's stack.
    """
    same = [one for one in others if account.number and one.number == account.number]
    bucket = [one for one in others if one.bucket_name == account.bucket_name and one in same]
    return [
        StaysInAws(
            kind=Staying.ROLES_STACK,
            name=STACK,
            region=account.region,
            used_by=tuple(sorted(one.name for one in same)),
        ),
        StaysInAws(
            kind=Staying.BUCKET,
            name=account.bucket_name,
            region=account.region,
            is_billed=True,
            used_by=tuple(sorted(one.name for one in bucket)),
        ),
    ]
