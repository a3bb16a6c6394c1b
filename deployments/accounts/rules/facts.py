"""What AWS answered during the test of an account's connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployments.aws.service_quotas import QuotaUse


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """A call that failed: the IAM action and AWS's code."""

    operation: str
    code: str


class Bucket(StrEnum):
    """What is known of the artifact bucket."""

    EXISTS = "exists"
    MISSING = "missing"
    FOREIGN = "foreign"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """What IAM decided about a role: the number of permissions, and those that it does not allow.

    `missing` has the actions by the number of their statement; `refused`, which a statement cannot add, are
    denied explicitly, by the organization or by a permissions boundary. `error` ended the simulation.
    `reads` are calls that were tried instead, `reads_denied` those of them that AWS denied.
    """

    arn: str = ""
    tested: int = 0
    missing: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    error: CallError | None = None
    reads: tuple[str, ...] = ()
    reads_denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionAnswers:
    """What AWS answered. `identity_error` is the one of the first call, after which nothing else is known.

    `skew` is this machine's time less AWS's in seconds. `revision` and `parameters` are those of the stack of
    account.yaml; the revision is None where it does not exist or has no roles. `quotas` are by the services
    that were asked so far, with the error of those that did not answer.
    """

    region: str
    is_sandbox: bool = False
    account_id: str = ""
    arn: str = ""
    identity_error: CallError | None = None
    skew: float | None = None
    zones: tuple[str, ...] = ()
    region_error: CallError | None = None
    revision: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    revision_error: CallError | None = None
    bucket: str = ""
    bucket_state: Bucket | None = None
    bucket_error: CallError | None = None
    portal: RoleFacts = field(default_factory=RoleFacts)
    service: RoleFacts = field(default_factory=RoleFacts)
    quotas: Mapping[str, tuple[QuotaUse, ...]] = field(default_factory=dict)
    quota_errors: Mapping[str, CallError] = field(default_factory=dict)
