"""The AWS error codes that mean throttling, a denied action, or missing credentials."""

from __future__ import annotations

import pytest
from botocore.retries.standard import ThrottledRetryableChecker

from deployments.common.rules.aws_error_codes import (
    THROTTLING,
    denied_action,
    is_denied,
    is_throttling,
    needs_access,
)

NOT_THROTTLING = {"LimitExceededException"}
"""CloudFormation returns this code for an exceeded quota, for which waiting does not help."""


def test_every_throttling_code_of_botocore_is_known() -> None:
    known: list[str] = ThrottledRetryableChecker._THROTTLED_ERROR_CODES  # type: ignore[attr-defined]

    assert set(known) - THROTTLING == NOT_THROTTLING


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"])
def test_a_denied_action_needs_a_policy(code: str) -> None:
    assert is_denied(code)
    assert needs_access(code)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "NoCredentialsError"])
def test_bad_credentials_need_access_but_no_policy(code: str) -> None:
    assert needs_access(code)
    assert not is_denied(code)


@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestTimeTooSkewed", "RequestInTheFuture"])
def test_a_clock_that_is_off_asks_a_person(code: str) -> None:
    assert needs_access(code)


def test_an_internal_failure_of_aws_needs_no_access() -> None:
    assert not needs_access("InternalFailure")
    assert not is_throttling("InternalFailure")


@pytest.mark.parametrize(
    ("code", "message", "action"),
    [
        (
            "AccessDenied",
            "User: arn:aws:sts::123456789012:assumed-role/sanso/sanso is not authorized to perform: "
            "iam:PassRole on resource: arn:aws:iam::123456789012:role/sanso-cloudformation because no "
            "identity-based policy allows the iam:PassRole action",
            "iam:PassRole",
        ),
        ("AccessDenied", "Access Denied", "cloudformation:CreateChangeSet"),
        (
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            "cloudformation:CreateChangeSet",
        ),
        (
            "ValidationError",
            "It is not authorized to perform: iam:PassRole",
            "cloudformation:CreateChangeSet",
        ),
    ],
)
def test_the_denied_action_is_the_one_that_aws_names(code: str, message: str, action: str) -> None:
    assert denied_action(code, message, "cloudformation:CreateChangeSet") == action
