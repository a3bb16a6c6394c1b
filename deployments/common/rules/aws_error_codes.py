"""AWS error codes by kind: throttling, denied access, unusable credentials. They are listed only here.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html, the Errors
section of each action that is used, https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and
botocore's own list of throttling codes (botocore.retries.standard.ThrottledRetryableChecker). Where AWS sends
no code, it is the HTTP status, or the name of botocore's exception.
"""

from __future__ import annotations

import re

_THROTTLING = (
    "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
    "EC2ThrottledException RequestLimitExceeded TooManyRequestsException SlowDown PriorRequestNotComplete "
    "ProvisionedThroughputExceededException BandwidthLimitExceeded TransactionInProgressException "
    "LimitExceeded.Rate"
)
_DENIED = (
    "AccessDenied AccessDeniedException UnauthorizedOperation UnauthorizedAccess AuthFailure NotAuthorized"
)
_CREDENTIALS = (
    "AllAccessDisabled AccountProblem ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired "
    "InvalidClientTokenId InvalidAccessKeyId UnrecognizedClientException MissingAuthenticationToken "
    "IncompleteSignature SignatureDoesNotMatch OptInRequired InvalidToken RegionDisabledException 401 "
    "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError ProfileNotFound "
    "NoRegionError "
    # this machine's clock is off:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
    "InvalidSignatureException RequestInTheFuture RequestTimeTooSkewed"
)
THROTTLING = frozenset(_THROTTLING.split())
DENIED = frozenset([*_DENIED.split(), "403"])
"""The credentials are valid, but a policy does not allow the action."""
CREDENTIALS = frozenset(_CREDENTIALS.split())
"""The credentials, the account or the region cannot be used."""
_NAMED = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")


def is_throttling(code: str) -> bool:
    """Return whether AWS throttled the call."""
    return code in THROTTLING


def is_denied(code: str) -> bool:
    """Return whether a policy denies the action."""
    return code in DENIED


def denied_action(code: str, message: str, operation: str) -> str:
    """Return the IAM action that was denied: the one that AWS names, such as iam:PassRole for a role that the
    called operation passes on; otherwise the operation.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    found = _NAMED.search(message) if is_denied(code) else None
    return found[1] if found else operation


def needs_access(code: str) -> bool:
    """Return whether an operator has to grant access: by a policy, credentials, or a usable account."""
    return code in DENIED or code in CREDENTIALS
