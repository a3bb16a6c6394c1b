"""Verifies the AWS Signature V4 of a request: MiniStack's computation, and the rules that it lacks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import datetime
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from ministack.core import sigv4

from sanso_sandbox.server import callers
from sanso_sandbox.server.callers import Caller

ALGORITHM: Final = "AWS4-HMAC-SHA256"
WEEK: Final = 604_800  # seconds: the maximum validity of a presigned URL
EARLY: Final = datetime.timedelta(minutes=15)  # the tolerance for a presigner's clock that is ahead
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOMENT: Final = re.compile(r"\d{8}T\d{6}Z")
# Payloads that S3 accepts without a hash of the whole: chunks have signatures, or nothing is signed.
_UNHASHED: Final = frozenset(
    {
        sigv4.UNSIGNED_PAYLOAD,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    }
)


class Rejected(Exception):
    """A rejected request.

    `code` is MiniStack's code for an authentication failure, for which each protocol has its own error, or
    one of S3's own codes with its HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body: lower-case header names, with the values of repeated headers joined."""

    method: str
    path: str  # percent-encoded
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """The unverified signature of a request, and the owner of the key in it. Only `verify` verifies it."""

    signature: sigv4.HeaderSignature
    presigned: bool
    caller: Caller
    secret: str


def read(head: Head) -> Claim:
    """Parse a request's signature and check everything except the signature itself, which may need the body.

    Raises Rejected if the request is unsigned, or signed with another algorithm, incompletely, too early, too
    late, or with an unknown key.
    """
    presigned = _is_presigned(head)
    if presigned:
        parsed = sigv4.parse_query_signature(head.query)
    else:
        parsed = sigv4.parse_header_signature(head.headers)
    if isinstance(parsed, tuple):
        raise Rejected(*parsed)
    if not _MOMENT.fullmatch(parsed.amz_date):
        raise Rejected(
            "IncompleteSignature",
            f"Date must be in ISO-8601 'basic format'. Got '{parsed.amz_date}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601",
        )
    _check_time(parsed, head, presigned)
    if presigned:
        token = _first(head.query, "X-Amz-Security-Token")
    else:
        token = head.headers.get("x-amz-security-token", "")
    try:
        caller, secret = callers.find(parsed.access_key_id, token)
    except callers.Unknown as unknown:
        raise Rejected(unknown.code, unknown.message) from None
    _check_signed_headers(parsed, head, presigned)
    return Claim(parsed, presigned, caller, secret)


def verify(claim: Claim, head: Head, body: bytes) -> Caller:
    """Return a request's caller. Raises Rejected if its signature or its body's hash is wrong."""
    signature, s3 = claim.signature, claim.signature.service == "s3"
    given = head.headers.get("x-amz-content-sha256", "")
    if not claim.presigned and given and not (s3 and given in _UNHASHED):
        actual = hashlib.sha256(body).hexdigest()
        if given != actual:
            if s3 and _SHA256.fullmatch(given):
                raise Rejected(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                    400,
                )
            _mismatch()
    failure = sigv4.header_signature_failure(
        signature,
        claim.secret,
        head.method,
        head.path,
        head.query,
        head.headers,
        body,
        presigned=claim.presigned,
    )
    if failure:
        raise Rejected(*failure)
    return claim.caller


def _is_presigned(head: Head) -> bool:
    """Return whether the signature is in the query. Raises Rejected without one, or for another kind."""
    authorization = head.headers.get("authorization", "")
    if authorization:
        if authorization.startswith(f"{ALGORITHM} "):
            return False
    elif _first(head.query, "X-Amz-Algorithm") == ALGORITHM:
        return True
    elif not any(_first(head.query, name) for name in ("X-Amz-Algorithm", "AWSAccessKeyId")):
        raise Rejected("MissingAuthenticationToken", "Request is missing Authentication Token")
    raise Rejected("UnsupportedSignature", "The request signature does not conform to AWS standards.")


def _check_time(signature: sigv4.HeaderSignature, head: Head, presigned: bool) -> None:
    """Raise Rejected for a request that was signed too long ago, or in the future.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    if not (presigned and signature.service == "s3"):
        if skewed := sigv4.request_time_failure(signature):
            raise Rejected(*skewed)
        return
    expires = _first(head.query, "X-Amz-Expires")
    if not expires.isdecimal() or not 0 < int(expires) <= WEEK:
        raise Rejected(
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be a number of seconds between 1 and {WEEK}",
            400,
        )
    try:
        signed_at = datetime.datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%S%z")
    except ValueError:
        raise Rejected("AuthorizationQueryParametersError", "X-Amz-Date is no date", 400) from None
    if signed_at > datetime.datetime.now(datetime.UTC) + EARLY:
        raise Rejected("AccessDenied", "Request is not yet valid", 403)
    if sigv4.presigned_request_is_expired(signature.amz_date, expires):
        raise Rejected("RequestExpired", "Request has expired")


def _check_signed_headers(signature: sigv4.HeaderSignature, head: Head, presigned: bool) -> None:
    """Raise Rejected unless the signature covers the host, and every header that could change the request."""
    signed = signature.signed_headers.split(";")
    unsigned = [name for name in head.headers if name.startswith("x-amz-") and name not in signed]
    if presigned and "x-amz-content-sha256" in unsigned:
        unsigned.remove("x-amz-content-sha256")
    if "host" not in signed:
        raise Rejected(
            "SignatureDoesNotMatch",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        )
    if unsigned and signature.service == "s3":
        raise Rejected("AccessDenied", "There were headers present in the request which were not signed", 403)
    if unsigned:
        _mismatch()


def _mismatch() -> NoReturn:
    raise Rejected("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)


def _first(query: Mapping[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0]
