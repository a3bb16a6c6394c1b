"""S3 ignores the owner that a request expects a bucket to have."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome


def test_the_expected_owner_of_a_bucket_is_checked(ministack: Account, account: Account) -> None:
    assert _put_for_another_owner(ministack) == DONE
    assert _put_for_another_owner(account) == "AccessDenied"


def _put_for_another_owner(account: Account) -> str:
    account.publish()
    return outcome(
        account.client("s3"),
        "put_object",
        Bucket=account.bucket,
        Key="key",
        Body=b"",
        ExpectedBucketOwner="000000000001",
    )
