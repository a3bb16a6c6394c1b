"""What the test of an account's connection found, from what AWS answered: one finding for each check.

Texts are in `deployments.accounts.texts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from deployments.accounts.rules.account_roles import PORTAL, SERVICE
from deployments.accounts.rules.facts import Bucket, CallError, ConnectionAnswers, RoleFacts
from deployments.common.rules.aws_error_codes import CREDENTIALS, is_denied
from deployments.environments.rules.account_template import REVISION

MAX_SKEW: Final = 60.0
"""Maximum skew in seconds: AWS rejects calls from five minutes on."""
OF_THE_CLOCK: Final = frozenset(
    (
        *("SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"),
        *("RequestInTheFuture", "RequestTimeTooSkewed"),
    )
)
"""Codes of AWS for calls whose time or signature is wrong."""
OF_THE_REGION: Final = frozenset(
    (
        *("AuthFailure", "InvalidClientTokenId", "OptInRequired", "RegionDisabledException"),
        "UnrecognizedClientException",
    )
)
"""Codes of AWS where the account has not enabled a region.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""
ZONES: Final = 2
"""Availability Zones that the bundled template set needs: its subnets are in two."""
ASSUME: Final = "sts:AssumeRole"


class Result(StrEnum):
    """How a check ended, and the test as a whole by its worst check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


ATTENTION: Final = (Result.PROBLEM, Result.WARNING)
"""The results that are shown wherever somebody chooses or lists accounts, the worst first."""


class Check(StrEnum):
    """What is tested, in the order of the findings."""

    IDENTITY = "identity"
    CLOCK = "clock"
    REGION = "region"
    REVISION = "revision"
    PERMISSIONS = "permissions"
    SERVICE_ROLE = "service_role"
    BUCKET = "bucket"
    QUOTAS = "quotas"
    INSTANCE_TYPES = "instance_types"
    DATABASES = "databases"
    IMAGES = "images"
    CERTIFICATES = "certificates"


class FindingCode(StrEnum):
    """What was found. Codes are stored: a released one is not removed."""

    IDENTITY_OK = "identity_ok"
    IDENTITY_DENIED = "identity_denied"
    IDENTITY_CLOCK = "identity_clock"
    IDENTITY_REGION = "identity_region"
    IDENTITY_CREDENTIALS = "identity_credentials"
    IDENTITY_UNREACHABLE = "identity_unreachable"
    IDENTITY_SANDBOX = "identity_sandbox"
    CLOCK_OK = "clock_ok"
    CLOCK_SKEWED = "clock_skewed"
    REGION_OK = "region_ok"
    REGION_FEW_ZONES = "region_few_zones"
    REGION_DISABLED = "region_disabled"
    REVISION_OK = "revision_ok"
    REVISION_OLD = "revision_old"
    REVISION_UNKNOWN = "revision_unknown"
    REVISION_SANDBOX = "revision_sandbox"
    ALLOWED = "allowed"
    MISSING = "missing"
    REFUSED = "refused"
    NOT_SIMULATED = "not_simulated"
    READS_ONLY = "reads_only"
    READS_DENIED = "reads_denied"
    ROOT = "root"
    ROLE_MISSING = "role_missing"
    ROLE_NONE = "role_none"
    ROLE_ELSEWHERE = "role_elsewhere"
    BUCKET_OK = "bucket_ok"
    BUCKET_NEW = "bucket_new"
    BUCKET_FOREIGN = "bucket_foreign"
    BUCKET_ELSEWHERE = "bucket_elsewhere"
    QUOTAS_OK = "quotas_ok"
    QUOTA_SHORT = "quota_short"
    QUOTA_UNKNOWN = "quota_unknown"
    TYPES_OK = "types_ok"
    TYPE_NOT_OFFERED = "type_not_offered"
    DATABASES_OK = "databases_ok"
    VERSION_NOT_OFFERED = "version_not_offered"
    CLASS_NOT_OFFERED = "class_not_offered"
    IMAGES_OK = "images_ok"
    IMAGE_MISSING = "image_missing"
    CERTIFICATES_OK = "certificates_ok"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_NOT_ISSUED = "certificate_not_issued"
    CERTIFICATE_ENDS = "certificate_ends"
    OFFER_UNKNOWN = "offer_unknown"
    CALL_FAILED = "call_failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFinding:
    """One line of the result. `policy` is the text of the statements to add, "" without one."""

    check: Check
    result: Result
    code: FindingCode
    values: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    policy: str = ""


Findings = Sequence[ConnectionFinding]
Policies = Mapping[str, str]
"""The text of the statements to add, by role and by the reason: those missing, or the one to simulate."""


def findings(facts: ConnectionAnswers, policies: Policies) -> tuple[ConnectionFinding, ...]:
    """Return the findings in the order of the checks, without those of `quotas` and `offers`.

    Args:
        policies: for PORTAL and SERVICE what the role lacks; for "simulate" what allows the simulation.
    """
    if facts.identity_error is not None:
        return (_refused_identity(facts, facts.identity_error),)
    return (
        _ok(Check.IDENTITY, FindingCode.IDENTITY_OK, account=facts.account_id, arn=facts.arn),
        *_clock(facts),
        _region(facts),
        _revision(facts),
        *_role(Check.PERMISSIONS, PORTAL, facts.portal, policies),
        *_service_role(facts, policies),
        _bucket(facts),
    )


def connection_result(found: Sequence[ConnectionFinding]) -> Result:
    """Return the result of the whole test: that of its worst check."""
    results = {one.result for one in found}
    return next((one for one in ATTENTION if one in results), Result.OK)


def interrupted() -> ConnectionFinding:
    """Return the finding of a test whose steps failed again and again."""
    return _problem(Check.IDENTITY, FindingCode.INTERRUPTED)


def _ok(check: Check, code: FindingCode, /, **values: object) -> ConnectionFinding:
    return ConnectionFinding(check=check, result=Result.OK, code=code, values=_texts(values))


def _warning(check: Check, code: FindingCode, policy: str = "", /, **values: object) -> ConnectionFinding:
    return ConnectionFinding(
        check=check, result=Result.WARNING, code=code, values=_texts(values), policy=policy
    )


def _problem(check: Check, code: FindingCode, /, **values: object) -> ConnectionFinding:
    return ConnectionFinding(check=check, result=Result.PROBLEM, code=code, values=_texts(values))


def _failed(check: Check, error: CallError) -> ConnectionFinding:
    return _problem(check, FindingCode.CALL_FAILED, operation=error.operation, code=error.code)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _refused_identity(facts: ConnectionAnswers, error: CallError) -> ConnectionFinding:
    values = {"operation": error.operation, "code": error.code, "region": facts.region}
    return _problem(Check.IDENTITY, _identity_code(facts, error), **values)


def _identity_code(facts: ConnectionAnswers, error: CallError) -> FindingCode:
    if error.code in OF_THE_CLOCK:
        return FindingCode.IDENTITY_CLOCK
    if facts.is_sandbox and not is_denied(error.code):
        return FindingCode.IDENTITY_SANDBOX
    if error.operation == ASSUME and is_denied(error.code):
        return FindingCode.IDENTITY_DENIED
    if error.code in OF_THE_REGION:
        return FindingCode.IDENTITY_REGION
    if is_denied(error.code) or error.code in CREDENTIALS:
        return FindingCode.IDENTITY_CREDENTIALS
    return FindingCode.IDENTITY_UNREACHABLE


def _clock(facts: ConnectionAnswers) -> Iterator[ConnectionFinding]:
    if facts.skew is None:
        return
    seconds = f"{abs(facts.skew):.0f}"
    if abs(facts.skew) > MAX_SKEW:
        yield _problem(Check.CLOCK, FindingCode.CLOCK_SKEWED, seconds=seconds)
    else:
        yield _ok(Check.CLOCK, FindingCode.CLOCK_OK, seconds=seconds)


def _region(facts: ConnectionAnswers) -> ConnectionFinding:
    error, zones = facts.region_error, ", ".join(facts.zones)
    if error is not None and error.code in OF_THE_REGION:
        return _problem(Check.REGION, FindingCode.REGION_DISABLED, region=facts.region, code=error.code)
    if error is not None:
        return _failed(Check.REGION, error)
    if len(facts.zones) < ZONES:
        return _problem(
            Check.REGION,
            FindingCode.REGION_FEW_ZONES,
            region=facts.region,
            count=len(facts.zones),
            needed=ZONES,
        )
    return _ok(Check.REGION, FindingCode.REGION_OK, region=facts.region, zones=zones)


def _revision(facts: ConnectionAnswers) -> ConnectionFinding:
    if facts.revision_error is not None:
        return _failed(Check.REVISION, facts.revision_error)
    if facts.revision is None and facts.is_sandbox:  # which creates the roles without a stack
        return _ok(Check.REVISION, FindingCode.REVISION_SANDBOX, needed=REVISION)
    if facts.revision is None:
        return _ok(Check.REVISION, FindingCode.REVISION_UNKNOWN)
    if facts.revision < REVISION:
        return _warning(Check.REVISION, FindingCode.REVISION_OLD, revision=facts.revision, needed=REVISION)
    return _ok(Check.REVISION, FindingCode.REVISION_OK, revision=facts.revision)


def _service_role(facts: ConnectionAnswers, policies: Policies) -> Iterator[ConnectionFinding]:
    arn = facts.service.arn
    if not arn:
        yield _warning(Check.SERVICE_ROLE, FindingCode.ROLE_NONE)
    elif facts.account_id and arn.split(":")[4] != facts.account_id:
        yield _problem(Check.SERVICE_ROLE, FindingCode.ROLE_ELSEWHERE, arn=arn, account=facts.account_id)
    else:
        yield from _role(Check.SERVICE_ROLE, SERVICE, facts.service, policies)


def _role(check: Check, kind: str, role: RoleFacts, policies: Policies) -> Iterator[ConnectionFinding]:
    name = role.arn.rpartition("/")[2]
    if role.error is not None:
        yield from _not_simulated(check, role, role.error, policies)
        return
    missing = sorted({action for actions in role.missing.values() for action in actions})
    if missing:
        yield ConnectionFinding(
            check=check,
            result=Result.PROBLEM,
            code=FindingCode.MISSING,
            values=_texts({"count": len(missing), "role": name}),
            actions=tuple(missing),
            policy=policies.get(kind, ""),
        )
    if role.refused:
        yield ConnectionFinding(
            check=check,
            result=Result.PROBLEM,
            code=FindingCode.REFUSED,
            values=_texts({"count": len(role.refused), "role": name}),
            actions=role.refused,
        )
    if not missing and not role.refused:
        yield _ok(check, FindingCode.ALLOWED, count=role.tested, role=name)


def _not_simulated(
    check: Check, role: RoleFacts, error: CallError, policies: Policies
) -> Iterator[ConnectionFinding]:
    """Yield what is known of a role that cannot be simulated: some reads of the portal's own."""
    name = role.arn.rpartition("/")[2] or role.arn
    values: dict[str, Any] = {"role": name, "operation": error.operation, "code": error.code}
    if error.code == "NoSuchEntity":
        yield _problem(check, FindingCode.ROLE_MISSING, role=name)
        return
    if role.arn.endswith(":root"):
        yield _warning(check, FindingCode.ROOT)
        return
    policy = policies.get("simulate", "") if is_denied(error.code) else ""
    if role.reads:
        yield _warning(check, FindingCode.READS_ONLY, policy, count=len(role.reads), **values)
    else:
        yield _warning(check, FindingCode.NOT_SIMULATED, policy, **values)
    if role.reads_denied:
        yield ConnectionFinding(
            check=check,
            result=Result.PROBLEM,
            code=FindingCode.READS_DENIED,
            values=_texts({"count": len(role.reads_denied), "role": name}),
            actions=role.reads_denied,
        )


def _bucket(facts: ConnectionAnswers) -> ConnectionFinding:
    if facts.bucket_error is not None:
        return _failed(Check.BUCKET, facts.bucket_error)
    if facts.bucket_state is Bucket.FOREIGN:
        return _problem(Check.BUCKET, FindingCode.BUCKET_FOREIGN, bucket=facts.bucket)
    if facts.bucket_state is Bucket.ELSEWHERE:
        return _problem(Check.BUCKET, FindingCode.BUCKET_ELSEWHERE, bucket=facts.bucket, region=facts.region)
    if facts.bucket_state is Bucket.MISSING:
        return _ok(Check.BUCKET, FindingCode.BUCKET_NEW, bucket=facts.bucket)
    return _ok(Check.BUCKET, FindingCode.BUCKET_OK, bucket=facts.bucket)
