"""What AWS answered during the test of an account's connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployments.aws.service_quotas import QuotaUse
from deployments.cloudformation.region_needs import DatabaseNeed


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


class OfferRead(StrEnum):
    """What is read of what AWS offers in a region. The values are stored."""

    INSTANCE_TYPES = "instance_types"
    DATABASES = "databases"
    IMAGES = "images"
    CERTIFICATES = "certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAnswer:
    """Whether a version can be created, and the zones that have the class for it."""

    need: DatabaseNeed
    has_version: bool
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAnswer:
    """A certificate: its status, "" if it does not exist, and the days until its end."""

    arn: str
    status: str = ""
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswers:
    """What AWS offers in a region, as far as it was read: `done`, or ended by one of `errors`.

    `images` are the names of the SSM parameters that exist.
    """

    done: tuple[OfferRead, ...] = ()
    errors: Mapping[str, CallError] = field(default_factory=dict)
    zones_by_type: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    databases: tuple[DatabaseAnswer, ...] = ()
    images: tuple[str, ...] = ()
    certificates: tuple[CertificateAnswer, ...] = ()


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
    offers: OfferAnswers = field(default_factory=OfferAnswers)
